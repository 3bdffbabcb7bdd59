"""Addresses: the console is the whole site."""

from django.contrib import admin
from django.urls import include, path

from ratingslips.floor.views import landing

urlpatterns = [
    path("", landing),
    path("console/floor/", include("ratingslips.floor.urls")),
    path("console/trace/", include("ratingslips.trace.urls")),
    path("console/", include("ratingslips.desk.urls")),
    path("console/", admin.site.urls),
]

handler400 = "core.console.errors.bad_request"
