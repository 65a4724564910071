"""The dynamic Bayesian network of bars and beats, decoded exactly."""

from beattrack.decoding.dbn.decoder import DBNDecoder
from beattrack.decoding.dbn.settings import DBNSettings, TempoPrior

__all__ = ["DBNDecoder", "DBNSettings", "TempoPrior"]
