"""The comprehensive run: every area of the platform at once, in the proportions of its brief.

locust -f main_load_test.py --headless --users 20 --run-time 2m
"""

from scenarios.auth_load_test import AuthUser
from scenarios.crm_load_test import CrmUser
from scenarios.suite import install
from scenarios.telephony_load_test import TelephonyUser

__all__ = ["AuthUser", "CrmUser", "TelephonyUser"]

install()
