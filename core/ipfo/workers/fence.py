"""The `fence` worker: has the peer put off, once for each order, and says whether that is sure.

An order that was held up is not carried out: by then the peer may be back and hold the addresses.
"""

from typing import Any

from ipfo import clock
from ipfo.config.model import Config
from ipfo.model import SECOND
from ipfo.plugin.registry import Registry
from ipfo.workers import child, chosen, rights

Asked = dict[str, Any]


def main() -> None:
    """Serve the engine until it ends."""
    rights.keep_none_unless_root()
    handlers: dict[str, child.Handler] = {}

    def setup(given: Asked) -> Asked:
        config = Config.from_document({**given["document"], "node": given["node"]})
        assert config.fence is not None, "this worker is started where there is a fence"
        name, timeout_s = config.fence.plugin, config.fence.timeout_ns / SECOND
        fence = chosen.offers(config, [name], Registry.fences)[name].build(config.fence.options)

        def shoot(given: Asked) -> Asked:
            late_ns = clock.now() - given["good_until"]
            if late_ns > 0:
                raise TimeoutError(f"late by {late_ns / SECOND:.3f} s; nothing was done")
            fence.fence(config.peer, timeout_s)
            return {}

        handlers["fence"] = shoot
        return {}

    handlers["setup"] = setup
    child.serve(handlers)


if __name__ == "__main__":
    main()
