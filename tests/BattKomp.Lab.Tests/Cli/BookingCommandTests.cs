using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class BookingCommandTests
{
    private static string[] Book(string channel, string start, string length, params string[] more) =>
    [
        "book", "--channel", channel, "--start", start, "--for", length, "--purpose", "teaching", "--activity", "education",
        "--level", "vg2", "--headcount", "12", .. more,
    ];

    [Fact]
    public async Task A_booking_is_made_listed_and_cancelled()
    {
        await using var lab = await TestLab.StartAsync();

        var booked = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, [.. Book(TestSeed.CyclerChannel(1), "+2h", "90m", "--title", "Vg2 learns", "--json")]);
        var name = booked.Json.GetProperty("name").GetString()!;
        var listed = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "list", "--mine", "--json");
        var text = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "list");
        var cancelled = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "cancel", name);
        var after = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "list", "--json");

        Assert.Equal((0, 0, 0, 0, 0), (booked.Exit, listed.Exit, text.Exit, cancelled.Exit, after.Exit));
        Assert.Equal("CONFIRMED", booked.Json.GetProperty("state").GetString());
        Assert.Equal(name, Assert.Single(listed.Json.GetProperty("bookings").EnumerateArray()).GetProperty("name").GetString());
        Assert.Contains("confirmed, Vg2 learns", text.Text);
        Assert.Contains("(1 h 30 min)", text.Text);
        Assert.Contains("its time is free", cancelled.Text);
        Assert.Equal(0, after.Json.GetProperty("bookings").GetArrayLength());
    }

    [Fact]
    public async Task A_series_is_booked_on_the_labs_wall_clock_and_says_which_days_are_taken()
    {
        await using var lab = await TestLab.StartAsync();
        var day = TimeProvider.System.GetUtcNow().AddDays(2).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
        string[] Series(params string[] more) => Book(TestSeed.CyclerChannel(1), $"{day}T10:15", "90m", ["--every", "FREQ=DAILY;COUNT=3", .. more]);

        var asked = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, Series("--dry-run"));
        var made = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, Series("--json"));
        var again = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.DoctoralStudent, Series());
        var endless = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, Book(TestSeed.CyclerChannel(1), $"{day}T10:15", "90m", "--every", "FREQ=DAILY"));

        Assert.Equal((0, 0, 1, 1), (asked.Exit, made.Exit, again.Exit, endless.Exit));
        Assert.Contains("Nothing was booked; 3 would be.", asked.Text);
        Assert.Equal(3, made.Json.GetProperty("booked").GetInt32());
        Assert.Contains("CHANNEL_OCCUPIED", again.Out);
        Assert.Contains("Nothing was booked: 3 instances of 3 refused.", again.Error);
        Assert.Contains("--skip-refused", again.Error);
        Assert.Contains("COUNT=", endless.Error);
    }

    [Fact]
    public async Task An_overlap_is_refused_with_the_rule_and_the_nearest_time_that_works()
    {
        await using var lab = await TestLab.StartAsync();
        Assert.Equal(0, (await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, Book(TestSeed.CyclerChannel(1), "+2h", "2h"))).Exit);

        var text = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.DoctoralStudent, Book(TestSeed.CyclerChannel(1), "+3h", "2h"));
        var json = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.DoctoralStudent, Book(TestSeed.CyclerChannel(1), "+3h", "2h", "--json"));

        Assert.Equal((1, 1), (text.Exit, json.Exit));
        Assert.Equal("", text.Out);
        Assert.Contains("CHANNEL_OCCUPIED", text.Error);
        Assert.Contains("nearest possible:", text.Error);
        Assert.Contains(json.Failure.GetProperty("message").GetString()!.Split('.')[0], text.Text);
        var violation = json.Failure.GetProperty("violations").EnumerateArray().First(v => v.GetProperty("reason").GetString() == "CHANNEL_OCCUPIED");
        var nearest = violation.GetProperty("nearest");
        var again = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.DoctoralStudent,
            "book", "--channel", TestSeed.CyclerChannel(1), "--start", nearest.GetProperty("start").GetString()!, "--end", nearest.GetProperty("end").GetString()!,
            "--purpose", "thesis", "--activity", "research", "--level", "phd", "--headcount", "1");
        Assert.Equal(0, again.Exit);
    }

    [Fact]
    public async Task A_dry_run_keeps_nothing_and_a_repeated_request_books_once()
    {
        await using var lab = await TestLab.StartAsync();

        var dry = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, Book(TestSeed.CyclerChannel(1), "+2h", "2h", "--dry-run"));
        var none = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "list", "--json");
        var start = DateTimeOffset.Parse(TimeProvider.System.GetUtcNow().AddHours(3).ToString("yyyy-MM-dd'T'HH:00:00'Z'", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);
        var once = Book(TestSeed.CyclerChannel(1), start.ToString("yyyy-MM-dd'T'HH:mm:ssK", System.Globalization.CultureInfo.InvariantCulture), "1h", "--request-id", "one", "--json");
        var first = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, once);
        var second = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, once);

        Assert.Equal((0, 0, 0), (dry.Exit, first.Exit, second.Exit));
        Assert.Contains("nothing was booked", dry.Text);
        Assert.Equal(0, none.Json.GetProperty("bookings").GetArrayLength());
        Assert.Equal(first.Out, second.Out);
    }

    [Fact]
    public async Task Every_malformed_field_is_named_at_once()
    {
        await using var lab = await TestLab.StartAsync();

        var ran = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "book", "--channel", TestSeed.CyclerChannel(1), "--start", "+2h", "--end", "+1h",
            "--purpose", "fun", "--activity", "education", "--level", "vg9", "--headcount", "0", "--json");

        Assert.Equal(1, ran.Exit);
        var fields = ran.Failure.GetProperty("fields").EnumerateArray().Select(f => f.GetProperty("field").GetString()!).ToList();
        Assert.Contains(fields, f => f.Contains("purpose"));
        Assert.Contains(fields, f => f.Contains("education_level"));
        Assert.Contains(fields, f => f.Contains("headcount"));
        Assert.Contains(fields, f => f.Contains("window"));
    }

    [Fact]
    public async Task What_one_may_not_see_is_busy()
    {
        await using var lab = await TestLab.StartAsync();
        await Battlab.AsAsync(lab.GrpcAddress, TestSeed.IndustryEngineer, Book(TestSeed.CyclerChannel(2), "+2h", "2h", "--title", "Secret chemistry", "--visibility", "confidential"));

        var ran = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "list");

        Assert.Equal(0, ran.Exit);
        Assert.Contains("busy", ran.Text);
        Assert.DoesNotContain("Secret", ran.Text);
    }

    [Fact]
    public async Task A_hold_is_confirmed_extended_handed_over_and_shown()
    {
        await using var lab = await TestLab.StartAsync();

        var held = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, Book(TestSeed.CyclerChannel(1), "+2h", "2h", "--hold", "15"));
        var name = held.Text.Split(' ').First(w => w.StartsWith("bookings/", StringComparison.Ordinal)).TrimEnd(':');
        Assert.Contains("unless you confirm it", held.Text);
        Assert.Contains("confirmed", (await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "confirm", name)).Text);
        var changed = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "change", name, "--end", "+5h", "--title", "Longer", "--json");
        Assert.Equal((0, name, "Longer"), (changed.Exit, changed.Json.GetProperty("predecessor").GetString(), changed.Json.GetProperty("title").GetString()));
        var given = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "bookings", "hand-over", changed.Json.GetProperty("name").GetString()!, "--to", "course-owner", "--json");
        Assert.Equal("persons/course-owner", given.Json.GetProperty("holder").GetString());
        var shown = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.CourseOwner, "bookings", "show", given.Json.GetProperty("name").GetString()!);
        Assert.Contains("takes the place of", shown.Text);
        Assert.Contains("0 bookings waiting", (await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "bookings", "approvals")).Text);
    }

    [Fact]
    public async Task Any_channels_that_can_are_booked_and_a_part_that_cannot_be_read_says_how_to_write_it()
    {
        await using var lab = await TestLab.StartAsync();
        string[] rest = ["--start", "+2h", "--for", "1h", "--purpose", "thesis", "--activity", "research", "--level", "phd", "--headcount", "1"];

        var made = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, ["book", "--any", "3 x 5A,4.2V", "--any", "1 x 45C at labs/trondheim", .. rest]);
        var bad = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, ["book", "--any", "some channels", .. rest]);

        Assert.Equal((0, 1), (made.Exit, bad.Exit));
        Assert.Contains(TestSeed.EbcChannel, made.Text);
        Assert.Contains("8 x 5A", bad.Error);
    }
}
