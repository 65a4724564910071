"""The dynamic Bayesian network of beats and bars, and its exact decoding."""

from beattrack.decoding.dbn.decoder import DBNDecoder
from beattrack.decoding.dbn.settings import DBNSettings, TempoPrior

__all__ = ["DBNDecoder", "DBNSettings", "TempoPrior"]
