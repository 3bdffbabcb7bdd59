"""Addresses of the home page, in place of the admin's index, and of players' pages."""

from django.contrib import admin
from django.urls import path

from ratingslips.admin.home.home import check_drift_now, home
from ratingslips.admin.home.namesakes import decide
from ratingslips.admin.home.paying import pay_owed
from ratingslips.admin.players.cash import cash_page
from ratingslips.admin.players.player import player_page

app_name = "desk"

urlpatterns = [
    path("", admin.site.admin_view(home), name="home"),
    path("owed/pay/", admin.site.admin_view(pay_owed), name="pay"),
    path("namesakes/decide/", admin.site.admin_view(decide), name="namesake"),
    path("players/<int:player_id>/", admin.site.admin_view(player_page), name="player"),
    path("cash/", admin.site.admin_view(cash_page), name="cash"),
    path("drift/check/", admin.site.admin_view(check_drift_now), name="check_drift"),
]
