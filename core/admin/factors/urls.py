"""Addresses of second factors."""

from django.contrib import admin
from django.urls import path

from core.admin.factors import adding, own, resetting, second_step

app_name = "factors"

urlpatterns = [
    path("second-factor/", admin.site.admin_view(own.factors_page), name="own"),
    path("second-factor/app/", admin.site.admin_view(adding.app_page), name="add_app"),
    path("second-factor/key/", admin.site.admin_view(adding.key_page), name="add_key"),
    path("second-factor/codes/", admin.site.admin_view(own.codes_page), name="codes"),
    path("second-factor/codes/new/", admin.site.admin_view(own.make_codes), name="make_codes"),
    path("second-factor/<int:factor_id>/", admin.site.admin_view(own.factor_page), name="rename"),
    path("second-factor/<int:factor_id>/remove/", admin.site.admin_view(own.remove_page), name="remove"),
    path("second-factor/of/<int:person_id>/", admin.site.admin_view(resetting.reset_page), name="reset"),
    path("second-step/", second_step.proof_page, name="second_step"),
    path("second-step/add/", second_step.enrolment_page, name="enrol"),
    path("second-step/add/app/", second_step.enrol_app_page, name="enrol_app"),
    path("second-step/add/key/", second_step.enrol_key_page, name="enrol_key"),
]
