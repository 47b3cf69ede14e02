//! How large a token may be. Depth and width of its JSON are bounded where JSON is read.

/// Longest accepted token in bytes. Because browsers and proxies refuse header fields above 8 KiB, so that no honest token is
/// longer, and because hashing and decoding cost what the sender wants up to here.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest accepted header, decoded, in bytes. Because `alg`, `kid` and `typ` need about 100, and the header is read before
/// anything shows that the sender is trusted.
pub const MAX_HEADER_BYTES: usize = 1024;

/// Longest accepted `kid` in bytes. Because a thumbprint has 43, and the `kid` is compared and may appear in metrics of
/// others before anything is trusted.
pub const MAX_KEY_ID_BYTES: usize = 128;
