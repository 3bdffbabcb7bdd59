from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demo, which production does not install.

    The label is that of the app which had the table before: databases with a demo keep the table and its migration.
    """

    name = "config.demo"
    label = "config"
