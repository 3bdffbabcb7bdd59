"""Addresses of the floor."""

from django.urls import path

from ratingslips.admin.floor.pages import floor_view
from ratingslips.admin.floor.seat import seat_page
from ratingslips.admin.floor.slip_page import slip_page
from ratingslips.admin.floor.undo import undo_page
from ratingslips.admin.floor.views import home, pit_floor
from ratingslips.admin.floor.wrong_player import wrong_player_page

app_name = "floor"

urlpatterns = [
    path("", floor_view(home), name="home"),
    path("<int:pit_id>/", floor_view(pit_floor), name="pit"),
    path("seats/<int:table_id>/<int:number>/", floor_view(seat_page), name="seat"),
    path("slips/<uuid:slip_id>/", floor_view(slip_page), name="slip"),
    path("slips/<uuid:slip_id>/undo/", floor_view(undo_page), name="undo"),
    path("slips/<uuid:slip_id>/player/", floor_view(wrong_player_page), name="wrong_player"),
]
