"""covey: a peer-to-peer node for shared WebAssembly applications."""

__all__ = ["__version__"]

__version__ = "0.1.0"
