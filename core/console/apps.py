from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django's admin, with the console's own site."""

    default_site = "core.console.site.ConsoleSite"
