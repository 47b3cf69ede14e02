//! From where administration may be asked for: the first question, before anybody looks at who asks.

use axum::{
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
};

use crate::{
    App,
    http::{
        caller::Caller,
        pages::{Frame, message},
        problem::{ApiError, Internal},
    },
};

/// What programs ask is below this.
const RESOURCES: &str = "/auth/admin";

/// And what people see below this.
const PAGES: &str = "/auth/console";

/// Runs the request, unless it is for administration and comes from an address that the settings do not name.
///
/// It is judged by its route and not in its handler, so none can forget it, and by its path where it has no route: from elsewhere nobody
/// learns what there is.
pub async fn admit<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let asked = route.map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let is_page = is_below(asked, PAGES);
    if !is_page && !is_below(asked, RESOURCES) {
        return next(request).await;
    }
    match demand_address(app, &request) {
        Ok(()) => next(request).await,
        Err(error) if is_page => {
            let frame = Frame::of(app, request.method(), request.uri(), request.headers());
            message(&frame, error)
        }
        Err(error) => error.into_response(),
    }
}

/// An address that nobody knows is on no list, not on `0.0.0.0/0` either: the unspecified one of an edge that does not know its client,
/// and that of a trusted proxy, which stands there where it names nobody readable.
fn demand_address(app: &App, request: &Request) -> Result<(), ApiError> {
    let allowed = &app.config.admin.addresses;
    if allowed.is_empty() {
        return Ok(());
    }
    let Some(caller) = request.extensions().get::<Caller>() else {
        return Err(Internal::new("addresses are judged outside the `identify` middleware").into());
    };
    let address = caller.address.to_canonical();
    let is_a_proxy = caller.edge.is_none() && app.config.server.proxies.networks.contain(address);
    if !address.is_unspecified() && !is_a_proxy && allowed.contain(address) {
        Ok(())
    } else {
        Err(ApiError::AddressNotAllowed)
    }
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
