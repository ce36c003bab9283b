"""Serves the page."""

import os
import socket
from typing import Any

from keras_ssd.demo.page import MAX_MEGABYTES
from keras_ssd.extras import require

_LAST_PORT = 65535


def check_address(host: str, port: int) -> None:
    """Raises ValueError unless the host is this computer and the port is free."""
    if port > _LAST_PORT:
        raise ValueError(f"port: expected 1 to {_LAST_PORT}, not {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise ValueError(
            f"port: {port} of {host} cannot be used ({reason}); expected a free port at an address "
            "of this computer"
        ) from error


def serve(page: Any, host: str, port: int) -> None:
    """Serves a page until Ctrl-C.

    Args:
        page: the `gradio.Blocks`. It must be launched, because a page that is mounted in another
            application lets its visitors read every picture on this computer (Gradio 6.31).
        host, port: the address, which `check_address` has checked.
    """
    gr = require("gradio", extra="demo")
    os.environ["no_proxy"] = "*"  # for Gradio asks the page, when it starts, whether it is there
    host = f"[{host}]" if ":" in host else host
    page.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        show_error=True,
        share=False,
        max_file_size=f"{MAX_MEGABYTES}mb",
        run_history=False,
        footer_links=[],
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Default(primary_hue="indigo").set(
            block_info_text_color="*neutral_600", body_text_color_subdued="*neutral_600"
        ),
    )
    print(f"The page is at http://{host}:{port}; Ctrl-C ends it", flush=True)
    page.block_thread()
