using System.Text.Json.Nodes;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using Xunit;

namespace BattKomp.Lab.Tests.Server.YoungPeople;

/// <summary>People under 18, and people alone, as the calendar meets them.</summary>
public sealed class YoungPeopleTests : IAsyncLifetime
{
    private BookingLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _lab = await BookingLab.StartAsync("sqlite", o =>
    {
        var seed = JsonNode.Parse(TestSeed.Json)!;
        var lab = seed["labs"]![0]!.AsObject();
        // Staffed one minute a week: whoever comes alone comes outside it.
        lab["staffedHours"] = new JsonArray(new JsonObject { ["isoDay"] = 7, ["opensMinute"] = 0, ["closesMinute"] = 1 });
        lab["loneWorkHazardClass"] = "h3";
        File.WriteAllText(o.SeedFile, seed.ToJsonString());
        o.Runs.SweepSeconds = 0;
    });

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_class_of_seventeen_year_olds_is_booked_as_training_with_enough_instructors_and_is_told_what_is_missing_otherwise()
    {
        var wish = Class(track: "none", instructors: 2);
        Assert.Equal("YOUNG_PERSON_NOT_IN_TRAINING", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, wish))).Reason);
        Assert.Equal("YOUNG_PEOPLE_UNWATCHED", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, Class(track: "school", instructors: 1)))).Reason);
        var made = await _lab.CreateAsync(TestSeed.Teacher, Class(track: "school", instructors: 2));
        Assert.Equal((12, 2, "school"), (made.YoungPeople.From15To17, made.YoungPeople.Instructors, made.YoungPeople.Track));

        // Who comes instead is judged as well.
        var change = new ChangeBookingRequest
        {
            Name = made.Name,
            Booking = new Booking { YoungPeople = new BattKomp.Lab.V1.YoungPeople { Under15 = 3, From15To17 = 9, Instructors = 2, Track = "school" } },
            UpdateMask = new FieldMask { Paths = { "young_people" } },
        };
        Assert.Equal("YOUNG_PERSON_TOO_YOUNG", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.As(TestSeed.Teacher).ChangeBookingAsync(change, cancellationToken: Cancel).ResponseAsync)).Reason);
    }

    [Fact]
    public async Task Pupils_whose_ages_are_not_said_count_as_adults_and_the_booking_says_so()
    {
        var wish = Class(track: "school", instructors: 2);
        (wish.YoungPeople, wish.Window) = (null, _lab.Window(80, 2));
        Assert.Contains("counts everyone as an adult", Assert.Single((await _lab.CreateAsync(TestSeed.Teacher, wish)).Notices), StringComparison.Ordinal);
        var said = Class(track: "school", instructors: 2);
        said.Window = _lab.Window(90, 2);
        Assert.Empty((await _lab.CreateAsync(TestSeed.Teacher, said)).Notices);
    }

    [Fact]
    public async Task Numbers_that_do_not_add_up_are_told_at_once()
    {
        var wish = Class(track: "holiday", instructors: -1);
        wish.Headcount = 5;
        var fields = (await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.CreateAsync(TestSeed.Teacher, wish))).Fields();
        Assert.Equal(["booking.young_people", "booking.headcount", "booking.young_people.track"], fields);
    }

    [Fact]
    public async Task Nobody_works_alone_without_staff_unless_a_manager_says_why()
    {
        var alone = Assert.Single(await BookingLab.ViolationsAsync(() => _lab.BookAsync(30, 2)));
        Assert.Equal(("LONE_WORK", "lab-manager", TestSeed.EbcRig), (alone.Reason, alone.OverridableBy, alone.Resource));
        var two = _lab.Wish(30, 2);
        two.Headcount = 2;
        await _lab.CreateAsync(TestSeed.DoctoralStudent, two);
        var afar = _lab.Wish(40, 2);
        afar.Presence = Presence.RemoteOperate;
        await _lab.CreateAsync(TestSeed.DoctoralStudent, afar);
        var allowed = _lab.Wish(50, 2);
        allowed.StateReason = "a guard walks by every half hour";
        await _lab.CreateAsync(TestSeed.LabManager, allowed);
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM audit WHERE action = 'override-booking-rules' AND detail = 'LONE_WORK'"));
    }

    private Booking Class(string track, int instructors)
    {
        var wish = _lab.Wish(60, 2);
        (wish.Purpose, wish.ActivityClass, wish.EducationLevel, wish.Headcount) = ("teaching", "education", "vg2", 14);
        wish.YoungPeople = new BattKomp.Lab.V1.YoungPeople { From15To17 = 12, Instructors = instructors, Track = track };
        return wish;
    }
}
