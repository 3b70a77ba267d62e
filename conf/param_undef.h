/* param_undef - ends a pass over the .def files; included for each */

#undef PARAM_BOOL
#undef PARAM_INT
#undef PARAM_LONG
#undef PARAM_TIME
#undef PARAM_DELAY
#undef PARAM_STR
#undef PARAM_RAW
#undef PARAM_STR_AS
