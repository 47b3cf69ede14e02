//! A Worker as the `worker` crate's own example would have it: it reads the path and one header and answers `ok`.

use worker::{Context, Env, Request, Response, event};

/// Every request enters here.
#[event(fetch)]
async fn fetch(request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    let path = request.path();
    let authorization = request.headers().get("authorization")?;
    if path.is_empty() || authorization.is_none() {
        return Response::error("no", 401);
    }
    Response::ok("ok")
}
