#include "table/hit.h"

struct table_hit table_hit;

void
table_on_hit(table_hit_fn *fn, void *arg)
{
	table_hit = (struct table_hit){ fn, arg };
}
