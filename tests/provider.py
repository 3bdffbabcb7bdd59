"""A small identity provider: it hands out codes, exchanges them for tokens, and has RS256 keys."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from core.roles import AUDITOR, PIT_BOSS

CLIENT = "console"
SECRET = "the-secret-of-the-client-that-has-32-bytes"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """What the provider says of the next person, and how it answers."""

    subject: str = "3f2a"
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = KEY
    algorithm: str = "RS256"
    status: int = 200
    address: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    signed_out: list[str] = field(default_factory=list)
    waiting: int = 0
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent to with a code."""
        code = f"code-{len(self.codes)}-{time.monotonic_ns()}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def end_session(self, asked: dict[str, str]) -> str:
        """Sign out the person of a token that is for the console, and give the address to go back to."""
        token = jwt.decode(asked["id_token_hint"], KEY.public_key(), algorithms=["RS256"], audience=asked["client_id"])
        self.signed_out.append(token["sub"])
        return asked["post_logout_redirect_uri"]

    def exchange(self, given: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The token for a code, once; only with the secret and the verifier of who began."""
        self.waiting += 1
        self.may_answer.wait(20)
        asked = self.codes.pop(given["code"], None)
        digest = base64.urlsafe_b64encode(sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or given["client_secret"] != SECRET or asked["code_challenge"] != digest:
            return 400, {"error": "invalid_grant"}
        return self.status, {"id_token": self.token(asked["nonce"]), "access_token": "unused", "token_type": "Bearer"}

    def token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "sub": self.subject, "nonce": nonce, "iat": now, "exp": now + 300}
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers={"kid": "first"})

    def description(self) -> dict[str, Any]:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        names |= {"end_session_endpoint": "logout"}
        return {"issuer": self.address} | {name: f"{self.address}/{path}" for name, path in names.items()}

    def keys(self) -> dict[str, Any]:
        known = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return {"keys": [known | {"kid": "first", "use": "sig"}]}


def sign_out_there(settings: Any, provider: Provider) -> None:
    """Let staff who sign out of the console sign out at `provider` too."""
    settings.OIDC_OP_END_SESSION_ENDPOINT = f"{provider.address}/logout"


def configure(settings: Any, provider: Provider) -> None:
    """Let staff of the console sign in with `provider`: pit bosses and auditors; the next person is a pit boss."""
    settings.OIDC_ISSUER = provider.address
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = f"{provider.address}/authorize"
    settings.OIDC_OP_TOKEN_ENDPOINT = f"{provider.address}/token"
    settings.OIDC_OP_JWKS_ENDPOINT = f"{provider.address}/keys"
    settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = CLIENT, SECRET
    settings.OIDC_ROLES = [f"bosses={PIT_BOSS}", f"auditors={AUDITOR}"]
    provider.claims = {"groups": ["bosses", "others"]}


@contextmanager
def serving() -> Iterator[Provider]:
    """A provider that answers on this machine for as long as the block lasts."""
    provider = Provider()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            if self.path.startswith("/keys"):
                self._send(200, provider.keys())
            elif self.path == "/.well-known/openid-configuration":
                self._send(200, provider.description())
            else:
                self.send_response(302)
                go = provider.end_session if self.path.startswith("/logout") else provider.authorize
                self.send_header("Location", go(asked))
                self.end_headers()

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._send(*provider.exchange({name: values[0] for name, values in form.items()}))

        def _send(self, status: int, answer: dict[str, Any]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_arguments: object) -> None:
            """Nothing: the tests read no log of it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        provider.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield provider
        server.shutdown()
        thread.join()
