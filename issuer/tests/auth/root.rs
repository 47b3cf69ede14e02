//! Root, who administers, and Ada, who does not.

use edgeward_issuer::config::Config;

use crate::desk::{Browser, Desk, EMAIL};

pub(crate) const ROOT: &str = "root@example.test";

/// Each signed in at a browser, and Ada at another one besides.
pub(crate) async fn desk() -> (Desk, Browser, Browser) {
    desk_with(|_| {}).await
}

/// The same under other settings.
pub(crate) async fn desk_with(change: impl FnOnce(&mut Config)) -> (Desk, Browser, Browser) {
    let (desk, mut ada) = Desk::with_ada_and(change).await;
    ada.log_in(EMAIL).await;
    desk.add(ROOT, &["admin"]).await;
    desk.browser().log_in(EMAIL).await;
    let mut root = desk.browser();
    root.log_in(ROOT).await;
    (desk, root, ada)
}
