"""The comprehensive run: every area of the platform at once, in the proportions of its brief.

locust -f main_load_test.py --headless --users 20 --run-time 2m
"""

from scenarios.auth_load_test import AuthUser
from scenarios.calendar_load_test import CalendarUser
from scenarios.crm_load_test import CrmUser
from scenarios.suite import install
from scenarios.telephony_load_test import TelephonyUser
from scenarios.websocket_load_test import WebSocketUser
from scenarios.workflows import (
    BulkOperationsUser,
    CustomerIntakeUser,
    DailyAdministrationUser,
    SearchAndScheduleUser,
)

__all__ = [
    "AuthUser",
    "BulkOperationsUser",
    "CalendarUser",
    "CrmUser",
    "CustomerIntakeUser",
    "DailyAdministrationUser",
    "SearchAndScheduleUser",
    "TelephonyUser",
    "WebSocketUser",
]

install()
