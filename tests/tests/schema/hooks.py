"""What the generated requests need to get past the door: a live session, its CSRF token, the names of things that exist, and
the tokens of mailed links, which the issuer sends to a mail server that runs here.

Every request that a session belongs to gets a session of its own, because signing out, refreshing and ending sessions use theirs up.
Nothing about an answer is judged here; the statuses seen are written down for the test, which wants each operation to succeed once.
"""

import base64
import email
import email.policy
import hashlib
import json
import os
import re
import threading
import time
import urllib.request
import uuid

import requests
import schemathesis
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = os.environ["ISSUER_ORIGIN"]
SITE = os.environ["ISSUER_SITE"]
STATUSES = os.environ["STATUSES_FILE"]
EMAIL = os.environ["USER_EMAIL"]
ADMIN = os.environ["ADMIN_EMAIL"]
PASSWORD = os.environ["USER_PASSWORD"]
EDGE_KEY = os.environ["EDGE_KEY"]
MAIL_HOST, MAIL_PORT = os.environ["MAIL_ADDRESS"].rsplit(":", 1)

# A CSRF token is good for the program that fetched it.
USER_AGENT = "edgeward-schema-test"

# What administrators may do.
ADMINISTRATION = "/auth/admin/"

# What a mailed link is used for.
LINKED = {"/auth/register/confirm", "/auth/password/reset"}

# Nobody is signed in on these, and their answers must not depend on it.
OPEN = {
    "/healthz",
    "/readyz",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
}

# What only an enrolled edge may read, by a proof of its own.
FOR_EDGES = {"/.well-known/edgeward-revocations", "/.well-known/edgeward-edge"}


class Mailbox:
    """The tokens that came, by recipient."""

    def __init__(self):
        self.tokens = {}
        self.came = threading.Condition()

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        token = re.search(r"[?]token=([\w-]+)", message.get_body(("plain",)).get_content())
        if token:
            with self.came:
                self.tokens[envelope.rcpt_tos[0]] = token.group(1)
                self.came.notify_all()
        return "250 OK"

    def token_for(self, recipient):
        with self.came:
            assert self.came.wait_for(lambda: recipient in self.tokens, timeout=30), "no mail came"
            return self.tokens.pop(recipient)


MAILBOX = Mailbox()
Controller(MAILBOX, hostname=MAIL_HOST, port=int(MAIL_PORT)).start()


def ask(method, path, body=None, cookies=None):
    """One request beside the generated ones; answers the body and the cookies that were set."""
    headers = {"Origin": SITE, "User-Agent": USER_AGENT, "Content-Type": "application/json"}
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ORIGIN + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request) as answer:
        pairs = (line.split(";", 1)[0].split("=", 1) for line in answer.headers.get_all("Set-Cookie") or [])
        text = answer.read()
        return json.loads(text) if text else None, {name: value for name, value in pairs if value}


def registered():
    """A registration that waits: its address, the token of its link and the browser's cookies."""
    address = f"{uuid.uuid4()}@example.com"
    _, cookies = ask("POST", "/auth/register", {"email": address, "password": PASSWORD})
    return address, MAILBOX.token_for(address), cookies


def confirmed():
    address, token, cookies = registered()
    ask("POST", "/auth/register/confirm", {"token": token}, cookies)
    return address


def somebody_new():
    return ask("POST", "/auth/login", {"email": confirmed(), "password": PASSWORD})


def put_link(case):
    """The token of a link that works, into a body that is as the document wants it; others must be refused as they are."""
    body = case.body
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        return
    if case.operation.path == "/auth/register/confirm" and "token" in body and body.keys() <= {"token", "password"}:
        _, token, _ = registered()
        case.body = {"token": token, "password": PASSWORD}
    if case.operation.path == "/auth/password/reset" and body.keys() == {"token", "newPassword"}:
        address = confirmed()
        ask("POST", "/auth/password/forgot", {"email": address})
        case.body = {"token": MAILBOX.token_for(address), "newPassword": "Another-mule-8-engine"}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def edge_proof(method, target):
    """The proof of the enrolled edge that it asks for itself, for this very request."""
    _, name, seed = EDGE_KEY.split(".")
    key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(seed + "=" * (-len(seed) % 4)))
    public = base64url(key.public_key().public_bytes_raw())
    # RFC 8037, appendix A.3.
    thumbprint = hashlib.sha256(json.dumps({"crv": "Ed25519", "kty": "OKP", "x": public}, separators=(",", ":")).encode())
    now = int(time.time())
    header = {"alg": "EdDSA", "typ": "edge-proof+jwt", "kid": base64url(thumbprint.digest())}
    claims = {"iss": name, "sub": name, "aud": SITE, "iat": now, "exp": now + 30, "jti": str(uuid.uuid4())}
    claims |= {"htm": method, "htu": target, "own": True, "rid": "schema"}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{base64url(key.sign(signed.encode()))}"


def put_proof(case):
    """A good proof into every other request; strangers must be refused."""
    put_proof.turn = not getattr(put_proof, "turn", False)
    if not put_proof.turn:
        return
    sent = case.as_transport_kwargs(base_url=ORIGIN)
    prepared = requests.Request(sent["method"], sent["url"], params=sent.get("params")).prepare()
    case.headers["Edgeward-Proof"] = edge_proof(sent["method"].upper(), prepared.path_url)


def sign_in(path):
    # Who changes the password could not sign in the next time.
    if path == "/auth/password":
        _, cookies = somebody_new()
    else:
        person = ADMIN if path.startswith(ADMINISTRATION) else EMAIL
        _, cookies = ask("POST", "/auth/login", {"email": person, "password": PASSWORD})
    csrf, more = ask("GET", "/auth/csrf", cookies=cookies)
    return cookies | more, csrf["csrfToken"]


def put_person(case, cookies):
    """Somebody who is there, with a session and the version of the roles, into every other request to administrators' resources."""
    put_person.turn = not getattr(put_person, "turn", False)
    if "id" not in case.path_parameters or not put_person.turn:
        return
    ask("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})
    people, _ = ask("GET", f"/auth/admin/users?query={EMAIL}", cookies=cookies)
    person = people["users"][0]["id"]
    details, _ = ask("GET", f"/auth/admin/users/{person}", cookies=cookies)
    case.path_parameters["id"] = person
    if "sid" in case.path_parameters:
        case.path_parameters["sid"] = details["sessions"][0]["id"]
    if case.operation.path.endswith("/roles"):
        case.headers["If-Match"] = f'"{details["rolesVersion"]}"'


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    if path in OPEN:
        return
    if path in FOR_EDGES:
        put_proof(case)
        return
    # Every fourth is enough: each needs an account of its own.
    put_link.turn = getattr(put_link, "turn", -1) + (path in LINKED)
    if path in LINKED and put_link.turn % 4 == 0:
        put_link(case)
    cookies, token = sign_in(path)
    if path == "/auth/sessions/{id}" and "{" not in str(case.path_parameters.get("id", "{")):
        # Every other request names a session that exists; the rest are names nobody gave.
        before_call.turn = not getattr(before_call, "turn", False)
        if before_call.turn:
            sessions, _ = ask("GET", "/auth/sessions", cookies=cookies)
            others = [session["id"] for session in sessions["sessions"] if not session["current"]]
            if others:
                case.path_parameters["id"] = others[0]
    if path.startswith(ADMINISTRATION):
        put_person(case, cookies)
    for name, value in cookies.items():
        case.cookies.setdefault(name, value)
    case.headers.setdefault("X-CSRF-Token", token)
    case.headers.setdefault("Origin", SITE)
    case.headers["User-Agent"] = USER_AGENT


@schemathesis.hook
def after_call(context, case, response):
    with open(STATUSES, "a", encoding="utf-8") as statuses:
        statuses.write(f"{case.operation.method.upper()} {case.operation.path} {response.status_code}\n")
