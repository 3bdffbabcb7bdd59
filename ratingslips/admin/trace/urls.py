"""Addresses of the trace."""

from django.contrib import admin
from django.urls import path

from ratingslips.admin.trace.views import search, story

app_name = "trace"

urlpatterns = [
    path("", admin.site.admin_view(search), name="search"),
    path("<uuid:correlation_id>/", admin.site.admin_view(story), name="story"),
]
