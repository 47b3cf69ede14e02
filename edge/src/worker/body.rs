//! Bodies that the edge reads itself: answers to its own questions, and copies of short forms. What goes on is never read.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It broke off.
    Broken,
    /// It is longer than it may be.
    TooLarge,
}

/// Reads a body that may not be longer than this.
pub(super) async fn read(body: Option<ReadableStream>, limit: usize) -> Result<Vec<u8>, Unread> {
    let Some(body) = body else {
        return Ok(Vec::new());
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut read = Vec::new();
    loop {
        let step = JsFuture::from(reader.read())
            .await
            .map_err(|_| Unread::Broken)?;
        let done = Reflect::get(&step, &"done".into()).map_err(|_| Unread::Broken)?;
        if done.is_truthy() {
            return Ok(read);
        }
        let chunk = Reflect::get(&step, &"value".into()).map_err(|_| Unread::Broken)?;
        let chunk: Uint8Array = chunk.dyn_into().map_err(|_| Unread::Broken)?;
        let length = usize::try_from(chunk.length()).map_err(|_| Unread::TooLarge)?;
        if read.len().saturating_add(length) > limit {
            // Tells the runtime to stop; whether it listens changes nothing here.
            let _ = reader.cancel();
            return Err(Unread::TooLarge);
        }
        read.extend_from_slice(&chunk.to_vec());
    }
}
