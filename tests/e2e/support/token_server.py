"""A registry's front that wants tokens, and the server that gives them.

Usage: token_server.py REGISTRY LOG [KEY=VALUE ...]

Tokens are for ann with the password "secret", for the identity token
"identity", and with anonymous=yes for everybody. Settings:
  realm=URL     where tokens are said to be had; else here
  uses=N        requests that a token is good for
  moved=URL     where /token redirects to
  tls=FILE      certificate and key of a server that speaks TLS
Prints its port; writes a line a request to LOG: method, path, Authorization or
"-", body or "-".
"""

import base64
import http.client
import http.server
import json
import ssl
import sys
import urllib.parse

REGISTRY, LOG = sys.argv[1:3]
SETTINGS = dict(word.split("=", 1) for word in sys.argv[3:])
BASIC = "Basic " + base64.b64encode(b"ann:secret").decode()
tokens = {"Bearer registry": (1 << 30, {"pull", "push"})}


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.shown = self.headers.get("Authorization")
        path, _, query = self.path.partition("?")
        if path == "/token":
            body = self.body.decode()
            self.log(body)
            self.give(urllib.parse.parse_qs(body or query))
        else:
            self.log("")
            self.pass_on()

    def log(self, body):
        with open(LOG, "a") as log:
            log.write(f"{self.command} {self.path} {self.shown or '-'} {body or '-'}\n")

    def give(self, asked):
        if "moved" in SETTINGS:
            return self.answer(307, {}, Location=SETTINGS["moved"])
        anonymous = self.shown is None and SETTINGS.get("anonymous") == "yes"
        known = self.shown == BASIC or asked.get("refresh_token") == ["identity"]
        if not (known or anonymous):
            return self.answer(401, {"errors": []})
        token = f"token{len(tokens)}"
        scopes = " ".join(asked.get("scope", [])).split()
        actions = {action for scope in scopes for action in scope.split(":")[-1].split(",")}
        tokens["Bearer " + token] = (int(SETTINGS.get("uses", 1 << 30)), actions)
        name = "token" if self.command == "GET" else "access_token"
        self.answer(200, {name: token, "expires_in": 300})

    def pass_on(self):
        uses, actions = tokens.get(self.shown, (0, set()))
        wanted = "pull" if self.command in ("GET", "HEAD") else "push"
        repository = self.path.removeprefix("/v2/").split("/manifests/")[0].split("/blobs/")[0]
        if uses == 0 or (repository and wanted not in actions):
            realm = SETTINGS.get("realm") or f"http://{self.headers['Host']}/token"
            challenge = f'Bearer realm="{realm}",service="test"'
            if repository:
                challenge += f',scope="repository:{repository}:{wanted}"'
            return self.answer(401, {"errors": []}, **{"WWW-Authenticate": challenge})
        tokens[self.shown] = (uses - 1, actions)
        upstream = http.client.HTTPConnection(REGISTRY)
        headers = {k: v for k, v in self.headers.items() if k != "Authorization"}
        upstream.request(self.command, self.path, self.body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key != "Transfer-Encoding":
                self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)

    def answer(self, status, document, **headers):
        body = json.dumps(document).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
if "tls" in SETTINGS:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SETTINGS["tls"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
