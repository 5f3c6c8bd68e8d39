"""A file server that answers byte ranges, as GDAL needs them; a process of its own, because GDAL holds the GIL."""

from __future__ import annotations

import http.server
import re
import sys
from pathlib import Path


class RangeHandler(http.server.BaseHTTPRequestHandler):
    """Serves the folder given on the command line."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = Path(sys.argv[1]) / Path(self.path).name
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, stop = 0, len(content)
        if asked:
            start, stop = int(asked[1]), min(int(asked[2] or stop) + 1, stop)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if with_body:
            self.wfile.write(content[start:stop])


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RangeHandler)
    print(server.server_port, flush=True)
    server.serve_forever()
