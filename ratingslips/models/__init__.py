"""Pits, games, tables, rating slips with their segments, money, requests and corrections, and drift checks."""

from ratingslips.models.corrections import SlipCorrection
from ratingslips.models.drift import DriftCheck
from ratingslips.models.floor import MAX_BET, MAX_SEATS, GameSettings, GamingTable, Pit
from ratingslips.models.game_values import GameValues
from ratingslips.models.money import MoneyRow
from ratingslips.models.requests import SlipRequest
from ratingslips.models.segments import PlaySegment
from ratingslips.models.slips import MONEY_DIGITS, SLIP_NUMBER_MAX_LENGTH, RatingSlip, why_owed

__all__ = [
    "MAX_BET",
    "MAX_SEATS",
    "MONEY_DIGITS",
    "SLIP_NUMBER_MAX_LENGTH",
    "DriftCheck",
    "GameSettings",
    "GameValues",
    "GamingTable",
    "MoneyRow",
    "Pit",
    "PlaySegment",
    "RatingSlip",
    "SlipCorrection",
    "SlipRequest",
    "why_owed",
]
