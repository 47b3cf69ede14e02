//! Reading an answer: where it ends, and the few things that the load wants to know of it.

/// An answer that has come in whole.
pub struct Answer<'b> {
    /// Its status.
    pub status: u16,
    head: &'b [u8],
    body: &'b [u8],
}

impl<'b> Answer<'b> {
    /// `None` while there is more to come.
    pub fn read(bytes: &'b [u8]) -> Option<Self> {
        let end = find(bytes, b"\r\n\r\n")?;
        let (head, body) = (&bytes[..end + 2], &bytes[end + 4..]);
        let status = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
        let answer = Self { status, head, body };
        let whole = match answer.header("content-length") {
            Some(length) => body.len() >= length.parse().ok()?,
            None if answer.header("transfer-encoding").is_some() => body.ends_with(b"0\r\n\r\n"),
            None => true,
        };
        whole.then_some(answer)
    }

    /// The first header of a name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(self.head).ok()?;
        head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// A text member of a JSON body. Tokens have nothing in them that JSON escapes.
    pub fn member(&self, name: &str) -> Option<String> {
        let start = find(self.body, format!("\"{name}\":\"").as_bytes())? + name.len() + 4;
        let rest = &self.body[start..];
        let end = rest.iter().position(|byte| *byte == b'"')?;
        String::from_utf8(rest[..end].to_vec()).ok()
    }

    /// The answer's beginning, to show what went wrong.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(300)]).into_owned()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
