"""The dynamic Bayesian network of bars and beats, decoded exactly."""

from beattrack.dbn.decoder import DBNDecoder
from beattrack.dbn.madmom_backend import MadmomDecoder
from beattrack.dbn.settings import DBNSettings, TempoPrior

__all__ = ["DBNDecoder", "DBNSettings", "MadmomDecoder", "TempoPrior"]
