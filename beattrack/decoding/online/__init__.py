"""The online decoder, which reports beats as they happen."""

from beattrack.decoding.online.decoder import OnlineDecoder
from beattrack.decoding.online.results import OnlineBeat, OnlineState
from beattrack.decoding.online.settings import OnlineSettings

__all__ = ["OnlineBeat", "OnlineDecoder", "OnlineSettings", "OnlineState"]
