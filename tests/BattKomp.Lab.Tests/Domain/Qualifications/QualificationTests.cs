using BattKomp.Lab.Domain.Qualifications;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Qualifications;

/// <summary>How long a qualification holds, by date and by use.</summary>
public sealed class QualificationTests
{
    private static readonly Instant Day0 = Instant.FromUtc(2026, 11, 23, 8, 0);
    private static readonly Gen<Qualification> Any = Gen.Select(Gen.Int[0, 20], Gen.Int[0, 40], Gen.Int[0, 8], Gen.Int[0, 8]).Select((from, until, unused, never) =>
        Held(from) with { ValidUntil = until > from ? Day(until) : null, Unused = Days(unused), NeverUsed = Days(never) });

    [Fact]
    public void A_use_keeps_it_for_its_time_and_the_first_use_has_a_clock_of_its_own()
    {
        var held = Held(0) with { Unused = Days(3), NeverUsed = Days(5) };
        Assert.Equal(Day(5), held.Lapses);
        Assert.Equal(Day(7), held.Used([Day(4)]).Lapses);
        Assert.Equal(Day(9), held.Used([Day(4), Day(6)]).Lapses);
        Assert.Equal(Day(8), (held.Used([Day(4), Day(6)]) with { ValidUntil = Day(8) }).Lapses);
        Assert.Null((Held(0) with { NeverUsed = Days(5) }).Used([Day(1)]).Lapses);
        Assert.Equal(Day(3), (Held(0) with { Unused = Days(3) }).Lapses);
    }

    [Fact]
    public void What_has_lapsed_is_not_used_back_to_life_whatever_comes_after() => Gen.Select(Any, Gen.Int[0, 60].Array[0, 12]).Sample((held, days) =>
    {
        var uses = days.Order().Select(d => Day(d)).ToList();
        var known = held.Used(uses);
        // The same by walking: the first gap that is too long ends it, and nothing after it counts.
        var (last, lapses) = ((Instant?)null, Earliest(held.ValidUntil, held.ValidFrom + (held.NeverUsed ?? held.Unused)));
        foreach (var use in uses.Where(u => u >= held.ValidFrom))
        {
            if (use >= lapses) break;
            (last, lapses) = (use, Earliest(held.ValidUntil, use + held.Unused));
        }
        Assert.Equal((last, lapses), (known.LastUse, known.Lapses));
        // Told in two parts, or twice, it is the same.
        Assert.Equal(known, held.Used(uses.Take(uses.Count / 2)).Used(uses));
    });

    [Fact]
    public void A_reminder_is_due_once_for_an_end_and_none_after_it() => Gen.Select(Gen.Int[0, 60], Gen.Int[1, 90], Gen.Int[1, 40]).Sample((from, length, step) =>
    {
        var (start, lapses) = (Day(from), Day(from + length));
        var told = new List<int>();
        var look = Reminders.Next(start, lapses);
        for (var looks = 0; look < lapses && looks < 10; looks++)
        {
            // The sweep may come late.
            var now = Instant.Min(look + Duration.FromHours(step), lapses - Duration.Epsilon);
            if (Reminders.Due(now, start, lapses) is { } days) told.Add(days);
            look = Reminders.Next(now, lapses);
            Assert.True(look > now);
        }
        Assert.Equal(Reminders.DaysBefore.Where(d => d < length), told);
        Assert.Null(Reminders.Due(lapses, start, lapses));
    });

    [Fact]
    public void A_reminder_that_the_sweep_slept_through_is_not_made_up_for()
    {
        Assert.Equal(7, Reminders.Due(Day(95), Day(0), Day(100)));
        Assert.Equal(30, Reminders.Due(Day(70), Day(0), Day(100)));
        Assert.Null(Reminders.Due(Day(69), Day(0), Day(100)));
    }

    [Fact]
    public void It_covers_its_kind_its_place_and_no_more_hazard_than_it_says()
    {
        string[] order = ["h0", "h1", "h2", "h3"];
        var held = Held(0) with { HazardClass = "h2" };
        Assert.True(held.Covers("cell-cycler", "labs/a", "h2", order));
        Assert.True(held.Covers("cell-cycler", "labs/a", "", order));
        Assert.False(held.Covers("cell-cycler", "labs/a", "h3", order));
        Assert.False(held.Covers("abuse", "labs/a", "h1", order));
        Assert.False(held.Covers("cell-cycler", "labs/b", "h1", order));
        Assert.True((held with { Lab = "" }).Covers("cell-cycler", "labs/b", "h1", order));
        Assert.False(held.Covers("cell-cycler", "labs/a", "unheard-of", order));
        Assert.False((held with { HazardClass = "unheard-of" }).Covers("cell-cycler", "labs/a", "h0", order));
    }

    [Fact]
    public void A_booking_that_begins_before_disuse_would_end_it_is_the_use_that_keeps_it()
    {
        var held = Held(0) with { Unused = Days(3), ValidUntil = Day(30) };
        Assert.Equal(Day(30), held.ServesUntil(new TimeWindow(Day(2), Day(9))));
        Assert.Equal(Day(3), held.ServesUntil(new TimeWindow(Day(3), Day(9))));
    }

    private static Qualification Held(int from) => new("qualifications/a", "persons/a", "cell-cycler", "h3", "labs/a", QualificationLevel.Independent, Day(from));

    private static Instant Day(int day) => Day0 + Duration.FromDays(day);

    private static Duration? Days(int days) => days == 0 ? null : Duration.FromDays(days);

    private static Instant? Earliest(Instant? a, Instant? b) => a is null ? b : b is null || a <= b ? a : b;
}
