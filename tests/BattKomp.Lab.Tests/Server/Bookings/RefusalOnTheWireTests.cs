using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Xunit;
using CatalogueService = BattKomp.Lab.Server.Features.Catalogue.Catalogue;
using Presence = BattKomp.Lab.V1.Presence;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>A lab where every rule can be broken: more rigs, a school with opening hours, a cell test whose cell is known.</summary>
public sealed class StrictLab : IAsyncLifetime
{
    /// <summary>The lab.</summary>
    public BookingLab Lab { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Lab = await BookingLab.StartAsync("sqlite", o => File.WriteAllText(o.SeedFile, Seed()), b => b.Services.AddSingleton<IRunFacts>(new KnownCell()));
        var services = Lab.Lab.Services;
        await services.GetRequiredService<CalendarDatabase>().WriteAsync(
            tx => services.GetRequiredService<CatalogueService>().SetLockAsync(tx, "rigs/locked-1", 1, "persons/manager", "smoke", default), default);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Lab?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static string Seed()
    {
        var seed = JsonNode.Parse(TestSeed.Json)!;
        var hours = new JsonArray([.. Enumerable.Range(1, 5).Select(d => (JsonNode)new JsonObject { ["isoDay"] = d, ["opensMinute"] = 480, ["closesMinute"] = 960 })]);
        seed["labs"]!.AsArray().Add(new JsonObject { ["name"] = "labs/school", ["country"] = "NO", ["timeZone"] = "Europe/Oslo", ["organisation"] = "organisations/school", ["openingHours"] = hours });
        foreach (var (id, lab, more) in new (string, string, JsonObject)[]
        {
            ("school-1", "labs/school", []), ("locked-1", TestSeed.Lab, []), ("attended-1", TestSeed.Lab, new JsonObject { ["attendedOnly"] = true, ["benches"] = 1 }),
            ("weak-1", TestSeed.Lab, new JsonObject { ["hazardClass"] = "h1", ["maxWattHour"] = 5 }),
        })
        {
            more["name"] = $"rigs/{id}";
            more["lab"] = lab;
            more["channels"] = new JsonArray(new JsonObject { ["name"] = $"rigs/{id}/channels/1" });
            seed["rigs"]!.AsArray().Add(more);
        }
        return seed.ToJsonString();
    }

    private sealed class KnownCell : IRunFacts
    {
        public Task<ProgramFacts?> ProgramAsync(PersonCaller caller, string procedure, CancellationToken cancel) => Task.FromResult<ProgramFacts?>(null);

        public Task<TestObjectFacts?> TestObjectAsync(PersonCaller caller, string cellTest, CancellationToken cancel) =>
            Task.FromResult(cellTest == "cellTests/known" ? new TestObjectFacts(TestSeed.TestObject, "h2", 10.8) : null);

        public Task<IReadOnlyList<string>> RunsOfAsync(string booking, CancellationToken cancel) => Task.FromResult<IReadOnlyList<string>>([]);
    }
}

/// <summary>Each refusal as a program sees it, over gRPC and over REST.</summary>
public sealed class RefusalOnTheWireTests(StrictLab fixture) : IClassFixture<StrictLab>
{
    private readonly BookingLab _lab = fixture.Lab.NewDays();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("CHANNEL_UNKNOWN")]
    [InlineData("CHANNEL_REPEATED")]
    [InlineData("STARTS_IN_PAST")]
    [InlineData("BEYOND_HORIZON")]
    [InlineData("TOO_SHORT")]
    [InlineData("TOO_LONG")]
    [InlineData("OUTSIDE_OPENING_HOURS")]
    [InlineData("RIG_LOCKED")]
    [InlineData("HAZARD_ABOVE_RIG")]
    [InlineData("ENERGY_ABOVE_RIG")]
    [InlineData("PRESENCE_REQUIRED")]
    [InlineData("TOO_MANY_PERSONS")]
    [InlineData("CHANNEL_OCCUPIED")]
    [InlineData("CHANNEL_OUTAGE")]
    public async Task Every_rule_speaks_by_gRPC_and_by_REST(string reason)
    {
        var wish = await WishThatBreaksAsync(reason);
        var violation = (await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.DoctoralStudent, wish))).First(v => v.Reason == reason);
        Assert.NotEmpty(violation.Rule);
        var (status, body) = await PostAsync(wish);
        Assert.Equal((HttpStatusCode.BadRequest, 9), (status, body["code"]!.GetValue<int>()));
        Assert.Equal("BOOKING_REFUSED", Detail(body, "google.rpc.ErrorInfo")["reason"]!.GetValue<string>());
        Assert.Contains(Detail(body, "battkomp.lab.v1.Refusal")["violations"]!.AsArray(), v => v!["reason"]!.GetValue<string>() == reason && v["rule"]!.GetValue<string>() == violation.Rule && v["message"]!.GetValue<string>().Length > 0);
        Assert.Contains(Detail(body, "google.rpc.PreconditionFailure")["violations"]!.AsArray(), v => v!["type"]!.GetValue<string>() == reason);
    }

    [Fact]
    public async Task All_violations_come_at_once()
    {
        var wish = _lab.Wish(1, 24 * 61, "rigs/attended-1/channels/1", "rigs/locked-1/channels/1", "rigs/none/channels/1");
        (wish.Headcount, wish.CellTest) = (9, "cellTests/known");
        var reasons = (await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, wish))).Select(v => v.Reason);
        Assert.Equal(["CHANNEL_UNKNOWN", "TOO_LONG", "RIG_LOCKED"], reasons);
        wish.Channels.RemoveAt(1);
        wish.Presence = Presence.RemoteView;
        Assert.Equal(["CHANNEL_UNKNOWN", "TOO_LONG", "PRESENCE_REQUIRED"], (await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, wish))).Select(v => v.Reason));
    }

    [Fact]
    public async Task Every_malformed_field_is_named_at_once_with_its_remedy_and_nothing_is_kept()
    {
        var wish = new Booking
        {
            Channels = { "channel one" },
            Window = _lab.Window(10, -1),
            Purpose = "fun",
            ActivityClass = "x",
            EducationLevel = "y",
            Stages = { "z" },
            Headcount = 0,
            Title = new string('t', 201),
            CellTest = "c",
            Procedure = "p",
            Affiliation = "affiliations/manager",
            Visibility = new V1.Visibility { Kind = V1.VisibilityKind.Embargo },
        };
        var error = await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.CreateAsync(TestSeed.Teacher, wish));
        var fields = error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations;
        Assert.Equal(new[]
        {
            "booking.activity_class", "booking.affiliation", "booking.cell_test", "booking.channels[0]", "booking.education_level", "booking.headcount", "booking.presence", "booking.procedure",
            "booking.purpose", "booking.stages[0]", "booking.title", "booking.visibility.embargo_until", "booking.window.end",
        }, fields.Select(f => f.Field).Order(StringComparer.Ordinal));
        Assert.Contains("teaching", fields.Single(f => f.Field == "booking.purpose").Description);
        var (status, body) = await PostAsync(wish);
        Assert.Equal((HttpStatusCode.BadRequest, 3), (status, body["code"]!.GetValue<int>()));
        Assert.Equal(fields.Count, Detail(body, "google.rpc.BadRequest")["fieldViolations"]!.AsArray().Count);
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM bookings WHERE holder = 'persons/teacher'"));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(-1.0)]
    public async Task A_window_without_length_or_turned_round_is_malformed(double hours) =>
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.BookAsync(10, hours));

    [Fact]
    public async Task A_bundle_of_more_than_64_channels_or_an_unknown_cell_test_is_malformed()
    {
        var wish = _lab.Wish(1, 1, [.. Enumerable.Range(0, 65).Select(i => $"rigs/x/channels/{i}")]);
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.CreateAsync(TestSeed.Teacher, wish));
        wish = _lab.Wish(1, 1);
        wish.CellTest = "cellTests/unknown";
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.CreateAsync(TestSeed.Teacher, wish));
    }

    [Fact]
    public async Task Times_are_cut_to_the_microsecond_and_the_answer_says_so()
    {
        var wish = _lab.Wish(1, 1);
        (wish.Window.Start.Nanos, wish.Window.End.Nanos) = (123_456_789, 999_999_999);
        var would = await _lab.As(TestSeed.Teacher).CreateBookingAsync(new CreateBookingRequest { Booking = wish, ValidateOnly = true }, cancellationToken: Cancel);
        Assert.Equal((123_456_000, 999_999_000), (would.Window.Start.Nanos, would.Window.End.Nanos));
    }

    [Fact]
    public void A_refusal_of_many_violations_fits_its_header_and_counts_what_is_left_out()
    {
        var many = Enumerable.Range(0, 100).Select(i => new BattKomp.Lab.Domain.Bookings.Violation("CHANNEL_OCCUPIED", "occupancy", new string('x', i < 60 ? 10 : 500)) { Resource = $"r{i}" }).ToList();
        foreach (var list in new[] { many, [.. many.AsEnumerable().Reverse()] })
        {
            var error = BookingErrors.Refused(list);
            Assert.True(error.Details.Sum(d => d.CalculateSize()) <= BookingErrors.MostBytes);
            var refusal = error.Details.OfType<V1.Refusal>().Single();
            Assert.InRange(refusal.Violations.Count, 1, BookingErrors.MostViolations);
            Assert.Equal(100, refusal.Violations.Count + refusal.Omitted);
        }
    }

    private async Task<Booking> WishThatBreaksAsync(string reason)
    {
        // From the next Sunday noon: the school is closed then.
        var toSunday = (double)((7 - (int)_lab.Hour0.InUtc().DayOfWeek) * 24 - _lab.Hour0.InUtc().Hour + 12);
        var wish = reason switch
        {
            "CHANNEL_UNKNOWN" => _lab.Wish(1, 1, "rigs/ebc-1/channels/9"),
            "CHANNEL_REPEATED" => _lab.Wish(1, 1, TestSeed.EbcChannel, TestSeed.EbcChannel),
            "STARTS_IN_PAST" => _lab.Wish((Instant.FromDateTimeOffset(TimeProvider.System.GetUtcNow()) - _lab.Hour0).TotalHours - 2, 5),
            "BEYOND_HORIZON" => _lab.Wish(24 * 400, 1),
            "TOO_SHORT" => _lab.Wish(1, 0.005),
            "TOO_LONG" => _lab.Wish(1, 24 * 61),
            "OUTSIDE_OPENING_HOURS" => _lab.Wish(toSunday, 1, "rigs/school-1/channels/1"),
            "RIG_LOCKED" => _lab.Wish(1, 1, "rigs/locked-1/channels/1"),
            "HAZARD_ABOVE_RIG" or "ENERGY_ABOVE_RIG" => _lab.Wish(1, 1, "rigs/weak-1/channels/1"),
            "PRESENCE_REQUIRED" or "TOO_MANY_PERSONS" => _lab.Wish(1, 1, "rigs/attended-1/channels/1"),
            _ => _lab.Wish(1, 1, TestSeed.CyclerChannel(1)),
        };
        if (reason.EndsWith("ABOVE_RIG", StringComparison.Ordinal)) wish.CellTest = "cellTests/known";
        if (reason == "PRESENCE_REQUIRED") wish.Presence = Presence.RemoteOperate;
        if (reason == "TOO_MANY_PERSONS") wish.Headcount = 5;
        if (reason == "CHANNEL_OCCUPIED")
        {
            var made = await _lab.BookAsync(1, 1, TestSeed.CyclerChannel(1));
            Assert.NotEmpty(made.Name);
        }
        if (reason == "CHANNEL_OUTAGE")
            await _lab.As(TestSeed.LabManager).CreateOutageAsync(
                new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.CyclerRig }, Window = _lab.Window(1, 1), Why = "calibration" } }, cancellationToken: Cancel);
        return wish;
    }

    private async Task<(HttpStatusCode Status, JsonNode Body)> PostAsync(Booking wish)
    {
        using var http = _lab.Lab.HttpAs(TestSeed.DoctoralStudent);
        using var content = new StringContent(JsonFormatter.Default.Format(wish), Encoding.UTF8, "application/json");
        using var response = await http.PostAsync("/v1/bookings", content, Cancel);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!);
    }

    private static JsonNode Detail(JsonNode body, string type) =>
        body["details"]!.AsArray().Single(d => d!["@type"]!.GetValue<string>().EndsWith("/" + type, StringComparison.Ordinal))!;
}
