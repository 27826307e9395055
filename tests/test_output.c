/* Files appear whole or not at all; what goes wrong on the disk is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "input.h"
#include "output.h"

static char folder[] = "/tmp/hs_output_XXXXXX";

static char *in_folder(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static unsigned files_in_folder(void)
{
    unsigned count = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *item; (item = readdir(directory)) != NULL;) {
        count += item->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static void write_numbers(hs_output *output, int count, hs_error *error)
{
    for (int i = 0; i < count; i++) {
        char line[16];
        int length = snprintf(line, sizeof line, "%d\n", i);
        assert_int_equal(hs_output_write(output, line, (size_t)length, error), 0);
    }
}

static void expect_numbers(const char *path, int count)
{
    hs_error error = {.text = ""};
    hs_input *input = hs_input_open(path, &error);
    assert_string_equal(error.text, "");
    char line[16];
    for (int i = 0; i < count; i++) {
        int length = snprintf(line, sizeof line, "%d\n", i);
        for (int k = 0; k < length; k++) {
            char c;
            assert_int_equal(hs_input_read(input, &c, 1, &error), 1);
            assert_int_equal(c, line[k]);
        }
    }
    assert_int_equal(hs_input_read(input, line, 1, &error), 0);
    hs_input_close(input);
}

static void appears_whole_in_each_packing(void **state)
{
    (void)state;
    static const char *const names[] = {"n", "n.gz", "n.zst"};
    static const uint8_t starts[] = {'0', 0x1f, 0x28};
    for (size_t i = 0; i < 3; i++) {
        hs_error error = {.text = ""};
        hs_output *output = hs_output_open(in_folder(names[i]), &error);
        write_numbers(output, 100000, &error);
        assert_int_equal(access(in_folder(names[i]), F_OK), -1);
        assert_int_equal(hs_output_size(output), 588890);
        assert_int_equal(hs_output_close(output, &error), 0);
        expect_numbers(in_folder(names[i]), 100000);
        FILE *file = fopen(in_folder(names[i]), "rb");
        assert_int_equal(fgetc(file), starts[i]);
        fclose(file);
        assert_int_equal(files_in_folder(), 1);
        unlink(in_folder(names[i]));
    }
}

static void an_abandoned_file_leaves_the_old_one(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    hs_output *output = hs_output_open(in_folder("n"), &error);
    write_numbers(output, 10, &error);
    assert_int_equal(hs_output_close(output, &error), 0);
    output = hs_output_open(in_folder("n"), &error);
    write_numbers(output, 100000, &error);
    assert_int_equal(files_in_folder(), 2);
    hs_output_abandon(output);
    assert_int_equal(files_in_folder(), 1);
    expect_numbers(in_folder("n"), 10);
    unlink(in_folder("n"));
}

static void several_parts_are_one_stream(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    static const char *const names[] = {"n.gz", "n.zst"};
    for (size_t i = 0; i < 2; i++) {
        char command[1200];
        hs_output *output = hs_output_open(in_folder(names[i]), &error);
        write_numbers(output, 5, &error);
        assert_int_equal(hs_output_close(output, &error), 0);
        const char *path = in_folder(names[i]);
        snprintf(command, sizeof command, "cat %s %s > %s.two && mv %s.two %s", path, path, path,
                 path, path);
        assert_int_equal(system(command), 0);
        hs_input *input = hs_input_open(path, &error);
        char text[64] = "";
        size_t used = 0;
        for (long n; (n = hs_input_read(input, text + used, 63 - used, &error)) > 0;) {
            used += (size_t)n;
        }
        assert_string_equal(text, "0\n1\n2\n3\n4\n0\n1\n2\n3\n4\n");
        hs_input_close(input);
        unlink(path);
    }
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    hs_output *output = hs_output_open("/dev/full", &error);
    assert_non_null(output);
    assert_int_equal(hs_output_write(output, "x", 1, &error), 0);
    assert_int_equal(hs_output_close(output, &error), -1);
    assert_string_equal(error.text, "/dev/full: cannot be written: No space left on device");
    error.text[0] = 0;
    output = hs_output_open("/dev/full", &error);
    static char much[1 << 17];
    assert_int_equal(hs_output_write(output, much, sizeof much, &error), -1);
    hs_output_abandon(output);
}

static void a_closed_pipe_is_told(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    int ends[2];
    char path[40];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    hs_output *output = hs_output_open(path, &error);
    close(ends[0]);
    close(ends[1]);
    assert_non_null(output);
    assert_int_equal(hs_output_write(output, "x", 1, &error), 0);
    assert_int_equal(hs_output_close(output, &error), -1);
    assert_non_null(strstr(error.text, "cannot be written: Broken pipe"));
}

static void what_cannot_be_made_is_told(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    assert_null(hs_output_open(folder, &error));
    assert_non_null(strstr(error.text, "it is a directory"));
    error.text[0] = 0;
    assert_null(hs_output_open("/nonexistent/x", &error));
    assert_string_equal(error.text, "/nonexistent/x: cannot be written: No such file or directory");
}

/* A link stays a link: the file that it names is replaced. */
static void links_are_followed(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    char target[200];
    snprintf(target, sizeof target, "%s", in_folder("target"));
    FILE *file = fopen(target, "w");
    fclose(file);
    assert_int_equal(symlink("target", in_folder("link")), 0);
    hs_output *output = hs_output_open(in_folder("link"), &error);
    write_numbers(output, 3, &error);
    assert_int_equal(hs_output_close(output, &error), 0);
    struct stat status;
    assert_int_equal(lstat(in_folder("link"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    expect_numbers(target, 3);
    unlink(in_folder("link"));
    unlink(target);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appears_whole_in_each_packing),
        cmocka_unit_test(an_abandoned_file_leaves_the_old_one),
        cmocka_unit_test(several_parts_are_one_stream),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(a_closed_pipe_is_told),
        cmocka_unit_test(what_cannot_be_made_is_told),
        cmocka_unit_test(links_are_followed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
