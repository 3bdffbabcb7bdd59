"""Addresses: the console is the whole site."""

from django.contrib import admin
from django.urls import include, path

from ratingslips.admin.floor.views import landing

urlpatterns = [
    path("", landing),
    path("console/floor/", include("ratingslips.admin.floor.urls")),
    path("console/trace/", include("ratingslips.admin.trace.urls")),
    path("console/", include("core.admin.factors.urls")),
    path("console/provider/", include("core.admin.provider")),
    path("console/", include("ratingslips.admin.urls")),
    path("console/", admin.site.urls),
]

handler400 = "core.admin.errors.bad_request"
handler500 = "core.admin.errors.server_error"
