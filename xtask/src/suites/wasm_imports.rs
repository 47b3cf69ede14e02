//! Reads the import section of a WebAssembly module (Core Specification 1.0, 5.5.5), and nothing else of it.

/// The module and the name of every import, or `None` if the bytes are no wasm module.
pub(super) fn modules_and_names(wasm: &[u8]) -> Option<Vec<(String, String)>> {
    const IMPORT_SECTION: u8 = 2;
    let mut rest = Reader(wasm.strip_prefix(b"\0asm\x01\0\0\0")?);
    while !rest.0.is_empty() {
        let id = rest.byte()?;
        let size = rest.number()?;
        let mut section = Reader(rest.take(size)?);
        if id != IMPORT_SECTION {
            continue;
        }
        let mut imports = Vec::new();
        for _ in 0..section.number()? {
            let module = section.name()?;
            let name = section.name()?;
            section.skip_description()?;
            imports.push((module, name));
        }
        return Some(imports);
    }
    Some(Vec::new())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Unsigned LEB128 of at most 32 bits.
    fn number(&mut self) -> Option<usize> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).ok();
            }
        }
        None
    }

    fn name(&mut self) -> Option<String> {
        let length = self.number()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    /// Function, table, memory, global or tag.
    fn skip_description(&mut self) -> Option<()> {
        match self.byte()? {
            0 => self.number().map(drop),
            1 => {
                self.byte()?;
                self.skip_limits()
            }
            2 => self.skip_limits(),
            3 => self.take(2).map(drop),
            4 => {
                self.byte()?;
                self.number().map(drop)
            }
            _ => None,
        }
    }

    fn skip_limits(&mut self) -> Option<()> {
        let has_maximum = self.byte()? & 1 == 1;
        self.number()?;
        if has_maximum {
            self.number()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::modules_and_names;

    #[test]
    fn imports_are_found_behind_other_sections() {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 4, 1, 0x60, 0, 0]); // one function type
        let section = [
            &[2u8][..],
            b"\x03env\x04time\x00\x00",
            b"\x04host\x01m\x02\x01\x01\x02",
        ]
        .concat();
        wasm.extend([2, u8::try_from(section.len()).unwrap()]);
        wasm.extend(section);
        let expected = vec![
            ("env".to_owned(), "time".to_owned()),
            ("host".to_owned(), "m".to_owned()),
        ];
        assert_eq!(modules_and_names(&wasm), Some(expected));
    }

    #[test]
    fn what_is_no_module_or_is_cut_short_is_refused() {
        let check = |bytes: &[u8], expected: Option<usize>| {
            assert_eq!(
                modules_and_names(bytes).map(|imports| imports.len()),
                expected,
                "{bytes:?}"
            );
        };
        check(b"\0asm\x01\0\0\0", Some(0));
        check(b"", None);
        check(b"\x7fELF", None);
        check(b"\0asm\x01\0\0\0\x02\x09\x01\x03env", None);
        check(b"\0asm\x01\0\0\0\x02\x07\x01\x03env\x01x", None);
    }
}
