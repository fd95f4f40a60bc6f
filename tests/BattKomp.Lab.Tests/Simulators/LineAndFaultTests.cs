using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Instruments;
using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.Simulators.Time;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

public sealed class LineAndFaultTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 6, 12, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Frame = EbcWire.Frame([0x0A, 0, 100, 15, 147, 0, 9, 0, 0, 0, 100, 1, 90, 0, 0, 9]);

    [Fact]
    public void In_any_stretch_of_time_the_line_carries_no_more_than_its_rate_and_one_frame() =>
        Gen.Int[0, 200_000].Array[1, 200].Sample(waitsMicroseconds =>
        {
            var time = new ManualTime(Start);
            var pace = new LinePace(time, LinePace.BytesPerSecond9600E, 19);
            var sentAt = new List<double>();
            foreach (var wait in waitsMicroseconds)
            {
                time.Advance(TimeSpan.FromMicroseconds(wait));
                while (pace.TryTakeFrame()) sentAt.Add(time.GetTimestamp() / (double)TimeSpan.TicksPerSecond);
            }
            for (var i = 0; i < sentAt.Count; i++)
                for (var j = i; j < sentAt.Count; j++)
                    Assert.True((j - i + 1) * 19 <= (sentAt[j] - sentAt[i]) * 9600 / 11 + 19 + 1e-6);
        }, iter: 200);

    [Fact]
    public void A_busy_line_says_when_it_is_free()
    {
        var time = new ManualTime(Start);
        var pace = new LinePace(time, LinePace.BytesPerSecond9600E, 19);
        Assert.True(pace.TryTakeFrame());
        Assert.False(pace.TryTakeFrame());
        Assert.Equal(19 * 11 / 9600.0, pace.UntilFree().TotalSeconds, 1e-6);
        time.Advance(pace.UntilFree() + TimeSpan.FromMicroseconds(1));
        Assert.True(pace.TryTakeFrame());
    }

    [Fact]
    public void Processes_with_the_same_three_numbers_have_the_same_lab_time()
    {
        var early = new ManualTime(Start);
        var late = new ManualTime(Start.AddSeconds(90));
        var lab = Start.AddYears(1);
        SimulatedLabTime one = new(lab, Start, 1000, early), other = new(lab, Start, 1000, late);
        early.Advance(TimeSpan.FromSeconds(100));
        late.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(lab.AddSeconds(100_000), one.Now);
        Assert.Equal(one.Now, other.Now);
        Assert.Equal(TimeSpan.FromSeconds(2), one.MachineTimeUntil(lab.AddSeconds(102_000)));
        Assert.Equal(TimeSpan.Zero, one.MachineTimeUntil(lab));
    }

    [Fact]
    public void A_step_of_the_wall_clock_does_not_move_lab_time()
    {
        var machine = new ManualTime(Start);
        var time = SimulatedLabTime.StartingNow(10, machine);
        machine.Advance(TimeSpan.FromSeconds(1));
        machine.ClockStep = TimeSpan.FromHours(-2);
        Assert.Equal(Start.AddSeconds(10), time.Now);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_speed_below_one_or_no_number_is_refused(double speed) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SimulatedLabTime.StartingNow(speed, new ManualTime(Start)));

    private readonly FaultCounts _counts = new();

    [Fact]
    public void Bit_noise_strikes_about_as_often_as_it_says_and_repeats_with_its_seed()
    {
        var one = Injector(new Fault { Kind = FaultKind.BitNoise, Probability = 0.01 });
        var again = Injector(new Fault { Kind = FaultKind.BitNoise, Probability = 0.01 });
        var flipped = 0;
        for (var i = 0; i < 1000; i++)
        {
            var bytes = Only(one, Frame, i);
            Assert.Equal(bytes, Only(again, Frame, i));
            flipped += bytes.Zip(Frame, (a, b) => System.Numerics.BitOperations.PopCount((uint)(a ^ b))).Sum();
        }
        Assert.InRange(flipped, 1000 * 152 * 0.008, 1000 * 152 * 0.012);
        Assert.Equal(flipped, _counts[FaultKind.BitNoise] / 2);
    }

    [Fact]
    public void A_torn_frame_is_a_beginning_of_the_frame()
    {
        var faults = Injector(new Fault { Kind = FaultKind.TornFrame });
        for (var i = 0; i < 100; i++)
        {
            var bytes = Only(faults, Frame, i);
            Assert.InRange(bytes.Length, 1, 18);
            Assert.Equal(Frame[..bytes.Length], bytes);
        }
    }

    [Fact]
    public void A_wrong_checksum_leaves_the_data_right_and_keeps_to_its_time()
    {
        var faults = Injector(new Fault { Kind = FaultKind.WrongChecksum, FromSeconds = 120, ToSeconds = 180 });
        Assert.Equal(Frame, Only(faults, Frame, 119.9));
        Assert.Equal(Frame, Only(faults, Frame, 180));
        var bytes = Only(faults, Frame, 150);
        Assert.NotEqual(Frame[17], bytes[17]);
        Assert.Equal(Frame[..17], bytes[..17]);
        Assert.Equal(Frame[18], bytes[18]);
    }

    [Fact]
    public void A_script_entry_that_cannot_be_is_named()
    {
        Assert.Contains("to_seconds", new Fault { Kind = FaultKind.HangUp }.Problem());
        Assert.Contains("probability", new Fault { Kind = FaultKind.BitNoise, Probability = 2 }.Problem());
        Assert.Contains("to_seconds", new Fault { Kind = FaultKind.BitNoise, FromSeconds = 5, ToSeconds = 5 }.Problem());
        Assert.Null(new Fault { Kind = FaultKind.HangUp, FromSeconds = 1, ToSeconds = 2 }.Problem());
    }

    private FaultInjector Injector(Fault fault) => new([fault], seed: 42, new WireFormat { BytesPerSecond = 960, ChecksumFromEnd = 2 }, _counts);

    private static byte[] Only(FaultInjector faults, byte[] frame, double seconds) => Assert.Single(faults.Apply(frame, seconds)).Bytes;
}
