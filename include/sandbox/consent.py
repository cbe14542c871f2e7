"""OAuth's endpoints: discovery, the consent page, token, revoke, user info (facts 1.1, 1.2)."""

from __future__ import annotations

import asyncio
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .money import dumps, loads
from .oauth import OAuthFault

if TYPE_CHECKING:
    from .server import Server

TOKEN_PATH = "/oauth2/v1/tokens/bearer"  # noqa: S105 — a path
REVOKE_PATH = "/v2/oauth2/tokens/revoke"
AUTHORIZE_PATH = "/connect/oauth2"
_STYLE = (
    "body{font:16px system-ui,sans-serif;max-width:34rem;margin:4rem auto;color:#222}"
    "button{font:inherit;padding:.5rem 1.2rem;margin:.3rem .3rem 0 0}label{display:block;margin:.5rem 0}"
)


class Consent:
    """What Intuit serves on its OAuth hosts."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def routes(self) -> list[Route]:
        """All of them."""
        names = ("openid_sandbox_configuration", "openid_configuration")
        discovery = [
            Route(f"/.well-known/{name}{slash}", self.discovery, methods=["GET"])
            for name in names
            for slash in ("", "/")
        ]
        return [
            *discovery,
            Route(AUTHORIZE_PATH, self.page, methods=["GET"]),
            Route(AUTHORIZE_PATH, self.decide, methods=["POST"]),
            Route(TOKEN_PATH, self.token, methods=["POST"]),
            Route(REVOKE_PATH, self.revoke, methods=["POST"]),
            Route("/v1/openid_connect/userinfo", self.user_info, methods=["GET"]),
            Route("/op/v1/jwks", self.jwks, methods=["GET"]),
        ]

    async def discovery(self, request: Request) -> Response:
        """The discovery document, with this server's own endpoints."""
        base = str(request.base_url).rstrip("/")
        return self._json(
            {
                "issuer": f"{base}/op/v1",
                "authorization_endpoint": base + AUTHORIZE_PATH,
                "token_endpoint": base + TOKEN_PATH,
                "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
                "revocation_endpoint": base + REVOKE_PATH,
                "jwks_uri": f"{base}/op/v1/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "email", "profile", "address", "phone"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
            }
        )

    async def page(self, request: Request) -> Response:
        """The consent page: pick a company and connect, or cancel."""
        asked = request.query_params
        problem = self._problem(dict(asked))
        if problem:
            return HTMLResponse(f"<h1>Sorry, but something went wrong</h1><p>{escape(problem)}</p>", 400)
        hidden = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items()
        )
        choices = "".join(
            f'<label><input type="radio" name="realmId" value="{escape(company.realm)}"'
            f"{' checked' if not place else ''}> {escape(company.name)} <small>{escape(company.realm)}</small></label>"
            for place, company in enumerate(self.server.companies.values())
        )
        return HTMLResponse(
            f"<!doctype html><html lang=en><title>Connect to QuickBooks (sandbox)</title><style>{_STYLE}</style>"
            f"<h1>Connect to QuickBooks</h1><p>An app asks for access to a company’s books "
            f"(<code>{escape(asked.get('scope', ''))}</code>). This is the sandbox, not Intuit.</p>"
            f'<form method="post" action="{AUTHORIZE_PATH}">{hidden}'
            f"{choices or '<p>There is no company yet.</p>'}"
            f'<button name="decision" value="connect"{"" if choices else " disabled"}>Connect</button>'
            f'<button name="decision" value="cancel">Cancel</button></form></html>'
        )

    async def decide(self, request: Request) -> Response:
        """Back to the app: code, state and realmId, or access_denied."""
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        problem = self._problem(form)
        if problem:
            return HTMLResponse(f"<h1>Sorry, but something went wrong</h1><p>{escape(problem)}</p>", 400)
        answer: dict[str, str] = {"state": form.get("state", "")}
        realm = form.get("realmId", "")
        if form.get("decision") == "connect" and realm in self.server.companies:
            code = self.server.oauth.code(realm, form.get("scope", ""), form["redirect_uri"])
            answer = {"code": code, **answer, "realmId": realm}
        else:
            answer["error"] = "access_denied"
        joint = "&" if "?" in form["redirect_uri"] else "?"
        return RedirectResponse(f"{form['redirect_uri']}{joint}{urlencode(answer)}", 302)

    def _problem(self, asked: dict[str, str]) -> str | None:
        if asked.get("client_id") != self.server.settings.client_id:
            return "The client_id is not known."
        if asked.get("response_type") != "code":
            return "response_type must be code."
        if not asked.get("redirect_uri", "").startswith(("http://", "https://")):
            return "The redirect_uri query parameter value is invalid."
        return None if asked.get("state") else "The state query parameter is missing."

    async def token(self, request: Request) -> Response:
        """Code exchange and refresh."""
        server = self.server
        form = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
        server.stats.request(None, "token")
        rule = server.injected.draw(None, {("", "token")})
        if rule is not None and rule.kind in ("http_500", "http_503"):
            return self._json({"error": "server_error"}, int(rule.kind[-3:]))
        try:
            server.oauth.authenticate(request.headers.get("authorization"), form)
            hard = request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true"
            body, status = server.oauth.token(form, hard), 200
        except OAuthFault as problem:
            body, status = problem.body, problem.status
        server.journal.flush()
        if rule is not None and rule.kind == "timeout_after":
            await asyncio.sleep(rule.seconds)
        return self._json(body, status)

    async def revoke(self, request: Request) -> Response:
        """200, or 400 for a token that is none (fact 1.1)."""
        raw = await request.body()
        try:
            body = loads(raw) if raw.lstrip().startswith(b"{") else dict(parse_qsl(raw.decode(errors="replace")))
            self.server.oauth.authenticate(request.headers.get("authorization"), {})
            self.server.oauth.revoke(str(body.get("token", "")))
        except OAuthFault as problem:
            return self._json(problem.body, problem.status)
        except ValueError:
            return self._json({"error": "invalid_request"}, 400)
        self.server.journal.flush()
        return self._json(None, 200)

    async def user_info(self, request: Request) -> Response:
        """Who is logged in."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        grant, why = self.server.oauth.grant_of(token)
        if grant is None or why:
            return self._json({"error": "invalid_token"}, 401)
        return self._json(
            {"sub": f"user-{grant.realm}", "email": "books@example.com", "emailVerified": True, "givenName": "Pat"}
        )

    async def jwks(self, request: Request) -> Response:
        """No id tokens are issued, so no keys."""
        return JSONResponse({"keys": []})

    def _json(self, body: Any, status: int = 200) -> Response:
        server = self.server
        server.stats.status[str(status)] += 1
        tid = f"1-{int(server.clock.now()):08x}-{server.random.getrandbits(96):024x}"
        return Response(
            b"" if body is None else dumps(body),
            status,
            {"intuit_tid": tid, "Cache-Control": "no-cache, no-store"},
            "application/json;charset=UTF-8",
        )
