//! What a sign-in by a request needs to know of it, whichever way it comes about.

use super::visitor::Visitor;
use crate::{
    App,
    domain::{
        access_token::Minter,
        accounts::Email,
        audit::Origin,
        device::DeviceSecret,
        keyring::Signer,
        lockout::DeviceDigest,
        login::{Carrier, Context},
        session::{AddressRange, Device, Sid},
        storage::{Storage, StorageError},
    },
    http::problem::ApiError,
};

/// A request that may end in a new session.
pub(super) struct Attempt<'a> {
    visitor: &'a Visitor,
    origin: Origin,
    counted_range: Option<AddressRange>,
    device: Device,
    device_cookie: &'a DeviceSecret,
    carrier: Carrier,
    replaces: Vec<Sid>,
}

impl<'a> Attempt<'a> {
    /// By a browser that the account does not know. It gets a new device cookie: one that came along may be known to whoever
    /// used the browser before, who would be taken for this person's device with it from then on.
    pub(super) fn of(app: &App, visitor: &'a Visitor, carrier: Carrier) -> Self {
        let device_cookie = &visitor.new_device;
        Self {
            visitor,
            origin: visitor.origin(),
            counted_range: app.limits.range_of(visitor.caller.address),
            device: visitor.device_with(Some(device_cookie)),
            device_cookie,
            replaces: match carrier {
                Carrier::Cookies => visitor.brought(),
                // The cookies that came along stay what they are, and so does their session.
                Carrier::Body => Vec::new(),
            },
            carrier,
        }
    }

    /// The same by the browser that the account knows, if it does: that keeps its cookie.
    pub(super) fn by_device(mut self, known: Option<DeviceDigest>) -> Self {
        if let (Some(_), Some(cookie)) = (known, &self.visitor.presented.device) {
            self.device_cookie = cookie;
            self.device = self.visitor.shown_device();
        }
        self
    }

    /// The same by somebody who gives this address.
    pub(super) fn naming(mut self, email: Option<&Email>) -> Self {
        self.origin = self.origin.naming(email);
        self
    }

    /// The same in place of the session in use, however the caller keeps its tokens.
    pub(super) fn in_place_of(mut self, sid: Sid) -> Self {
        if !self.replaces.contains(&sid) {
            self.replaces.push(sid);
        }
        self
    }

    /// Ends what came along and was stolen, before it ends because something else takes its place.
    pub(super) async fn end_if_spent(&self, app: &App) -> Result<(), StorageError> {
        match self.carrier {
            Carrier::Cookies => self.visitor.end_if_spent(app).await,
            Carrier::Body => Ok(()),
        }
    }

    /// Whose request it is.
    pub(super) const fn visitor(&self) -> &'a Visitor {
        self.visitor
    }

    /// The range of addresses under which failures are counted too, if there is one.
    pub(super) const fn counted_range(&self) -> Option<&AddressRange> {
        self.counted_range.as_ref()
    }

    /// The device cookie that the browser has from the sign-in on.
    pub(super) const fn device_cookie(&self) -> &DeviceSecret {
        self.device_cookie
    }

    /// What the domain wants to know.
    pub(super) fn context<'b>(&'b self, app: &'b App, signer: &'b Signer) -> Context<'b> {
        Context {
            refresh_key: self.visitor.refresh_keys.makes(),
            tokens: &app.config.tokens,
            minter: Minter::new(signer, &app.config, &app.config.issuer.audience),
            hasher: &app.hasher,
            origin: &self.origin,
            device: &self.device,
            carrier: self.carrier,
            replaces: &self.replaces,
            lockout: app.lockout(),
            counted_range: self.counted_range.as_ref(),
            // Only a sign-in to an account that was there before has one.
            known_device: None,
            now: self.visitor.caller.now,
        }
    }
}

/// The device cookie of the request, if it was at a sign-in to this account before.
pub(super) async fn known_device(
    app: &App,
    visitor: &Visitor,
    email: Option<&Email>,
) -> Result<Option<DeviceDigest>, ApiError> {
    let (Some(cookie), Some(email)) = (&visitor.presented.device, email) else {
        return Ok(None);
    };
    let digest = cookie.digest();
    let known = app.store.knows_device(email, &digest).await?;
    Ok(known.then_some(DeviceDigest::of_cookie(digest)))
}
