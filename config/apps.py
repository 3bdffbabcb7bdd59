from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The whole product put together: settings, addresses, and the demo."""

    name = "config"
