/* screen - a full terminal screen that is drawn again and again: ncurses */

#include "commands/posttop/screen.h"

#include <curses.h>
#include <string.h>

void
screen_open(void)
{
	initscr();
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
}

void
screen_close(void)
{
	endwin();
}

void
screen_size(int *ret_rows, int *ret_columns)
{
	getmaxyx(stdscr, *ret_rows, *ret_columns);
}

static int
is_heading(const char *line)
{
	return line[0] >= 'A' && line[0] <= 'Z' && line[1] >= 'A' &&
	    line[1] <= 'Z';
}

void
screen_show(const char *lines)
{
	int    rows, columns;
	size_t len;

	screen_size(&rows, &columns);
	erase();
	for (int y = 0; y < rows && *lines != '\0'; y++) {
		len = strcspn(lines, "\n");
		if (is_heading(lines) || y == 0)
			attron(A_BOLD);
		mvaddnstr(y, 0, lines, (int)len < columns ? (int)len :
		    columns);
		attroff(A_BOLD);
		lines += len + (lines[len] == '\n');
	}
	refresh();
}

int
screen_key(int wait_ms)
{
	timeout(wait_ms);
	return getch();
}
