"""Serves the page."""

import socket
from typing import Any

from keras_ssd.demo.page import MAX_MEGABYTES
from keras_ssd.extras import require

_LAST_PORT = 65535


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens at an address, so that no other program can take it.

    Raises:
        ValueError: the address is not one of this computer, or its port is taken.
    """
    if port > _LAST_PORT:
        raise ValueError(f"port: expected 1 to {_LAST_PORT}, not {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise ValueError(
            f"port: {port} of {host} cannot be used ({reason}); expected a free port at an address "
            "of this computer"
        ) from error


def serve(page: Any, listening: socket.socket) -> None:
    """Serves a page until Ctrl-C.

    Args:
        page: the `gradio.Blocks`.
        listening: the socket that `listen` returned.
    """
    gr, fastapi, uvicorn = (
        require(module, extra="demo") for module in ("gradio", "fastapi", "uvicorn")
    )
    host, port = listening.getsockname()[:2]
    app = gr.mount_gradio_app(
        fastapi.FastAPI(),
        page,
        path="/",
        server_name=host,
        server_port=port,
        theme=gr.themes.Default(primary_hue="indigo").set(
            block_info_text_color="*neutral_600",
            body_text_color_subdued="*neutral_600",
        ),
        footer_links=[],
        run_history=False,
        max_file_size=f"{MAX_MEGABYTES}mb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
    )
    # Open pages hold a connection, which would delay the end.
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])
