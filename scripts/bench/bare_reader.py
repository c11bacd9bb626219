"""A locustfile of the HTTP bench: a bare FastHttpUser that reads one contact of its own again and again."""

from __future__ import annotations

from locust import FastHttpUser, constant, task


class BareReader(FastHttpUser):
    """Registers an organisation, makes a contact, and reads it without pause."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Make what is read."""
        name = f"bare{id(self)}"
        body = {
            "name": name,
            "subdomain": name,
            "full_name": name,
            "address": {},
            "phone": "+15550100000",
            "organization_email": f"{name}@example.com",
            "admin_email": f"{name}@example.com",
            "admin_username": name,
            "admin_password": "correct horse",
            "admin_first_name": "Ada",
            "admin_last_name": "Rose",
        }
        session = self.client.post("/api/organizations/register", json=body).json()
        # The suite's requests have these headers, and these shall be the same.
        self.headers = {
            "X-Forwarded-For": "10.0.0.1",
            "Accept": "application/json",
            "X-Lab-Run-Id": "20261126-223900-0000",
            "Authorization": f"Bearer {session['access_token']}",
        }
        contact = {"business_name": "Rose & Sons", "contact_name": "Ada Rose"}
        made = self.client.post("/api/crm/contacts", json=contact, headers=self.headers).json()
        self.path = f"/api/crm/contacts/{made['id']}"

    @task
    def read(self) -> None:
        """Read the contact."""
        self.client.get(self.path, name="/api/crm/contacts/{id}", headers=self.headers)
