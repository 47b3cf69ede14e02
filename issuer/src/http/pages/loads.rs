//! What a page may load, and so its policy of content.
//!
//! A module of ours is let in by its digest and not by its address: the app has the same origin, and what somebody uploads there
//! must not become a script of a page that asks for a password.

use axum::http::HeaderValue;

use super::brand::{Brand, Module, Script};

/// Our own style sheets and pictures, forms to ourselves, and no frame around. No script at all.
const NOTHING_ELSE: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a page loads beside style sheets and pictures of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loads {
    /// Modules of ours.
    pub modules: &'static [Script],
    /// Whether they ask us something.
    pub may_ask: bool,
    /// Where else scripts come from.
    pub scripts: &'static str,
    /// What may be framed.
    pub frames: &'static str,
}

impl Loads {
    /// Of a page with a form.
    pub const FORM: Self = Self {
        modules: &[Script::Once],
        may_ask: false,
        scripts: "",
        frames: "",
    };

    pub(super) fn modules_of(&self, brand: &Brand) -> Vec<Module> {
        let scripts = self.modules.iter();
        // Every brand has all of them.
        scripts.filter_map(|script| brand.module(*script)).collect()
    }

    /// The policy of such a page.
    #[must_use]
    pub fn policy(&self, brand: &Brand) -> HeaderValue {
        let modules = self.modules_of(brand);
        let modules = modules.iter().map(|module| format!("'{}'", module.digest));
        let others = self.scripts.split_ascii_whitespace().map(str::to_owned);
        let scripts: Vec<String> = modules.chain(others).collect();
        let mut policy = NOTHING_ELSE.to_owned();
        for (directive, sources) in [
            ("script-src", scripts.join(" ").as_str()),
            ("connect-src", if self.may_ask { "'self'" } else { "" }),
            ("frame-src", self.frames),
        ] {
            if !sources.is_empty() {
                policy = format!("{policy}; {directive} {sources}");
            }
        }
        // All of it is ours and ASCII. Were it not, the page would run no script, which it does not need.
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(NOTHING_ELSE))
    }
}
