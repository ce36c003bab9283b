"""OpenVINO: `.xml` files with a `.bin` file beside each."""
