"""What can be wrong with a line of a ledger: stable codes, and which of several faults is the one reported."""

from enum import StrEnum


class Fault(StrEnum):
    """Why a line is rejected. A line with several faults is reported under the first of them in this order."""

    MISSING_NAME = "missing_name"
    UNKNOWN_COMMUNITY = "unknown_community"
    OUT_OF_SCOPE = "out_of_scope"
    BAD_CHECK_DIGIT = "bad_check_digit"
    MALFORMED_CREDIT_CODE = "malformed_credit_code"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    UNKNOWN_CLASS = "unknown_class"
    IMPOSSIBLE_DATE = "impossible_date"
    VALUE_TOO_LONG = "value_too_long"


FAULT_ORDER = {fault.value: rank for rank, fault in enumerate(Fault)}


class Doubt(StrEnum):
    """Why a line that was taken deserves a look."""

    EXCHANGED_COORDINATES = "exchanged_coordinates"
    COORDINATES_OUTSIDE_COUNTRY = "coordinates_outside_country"
    INCOMPLETE_COORDINATES = "incomplete_coordinates"
    UNKNOWN_GRID = "unknown_grid"
    GRID_OUTSIDE_COMMUNITY = "grid_outside_community"
    UNREADABLE_HEADCOUNT = "unreadable_headcount"
    UNKNOWN_RISK_LEVEL = "unknown_risk_level"
    DIFFERS_FROM_EARLIER = "differs_from_earlier"
    NO_HEADER = "no_header"
    COLUMN_NOT_READ = "column_not_read"
