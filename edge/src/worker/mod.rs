//! The Worker: takes a request, asks core what it deserves, and does exactly that.
use worker::{event, Context, Env, Result};

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: Context) -> Result<web_sys::Response> {
    let _ = env;
    Ok(web_sys::Response::new_with_opt_str(Some(&request.url()))?)
}
