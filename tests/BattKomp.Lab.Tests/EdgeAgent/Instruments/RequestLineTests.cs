using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class RequestLineTests
{
    private static readonly RequestTiming Timing = new(TimeSpan.FromMilliseconds(150), TimeSpan.FromMilliseconds(4), Attempts: 1);
    private static readonly byte[] Old = Reply(1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_late_reply_never_answers_the_next_question()
    {
        ScriptedLine? line = null;
        var asked = 0;
        // Never answers the first question in time; answers it while the time-out is being waited out.
        line = new ScriptedLine(_ => ++asked == 1 ? null : Reply(2));
        await using var modbus = new ModbusLine(line, 1, Timing, TimeProvider.System);
        await Assert.ThrowsAsync<NoReplyException>(() => modbus.ReadAsync(0, 1, Cancel));
        line.Say(Old);
        var started = Stopwatch.GetTimestamp();
        var second = modbus.ReadAsync(0, 1, Cancel);
        line.Say(Old[..3]);
        line.Say(Old[3..]);
        Assert.Equal([2], await second);
        Assert.True(modbus.Dropped >= Old.Length, $"{modbus.Dropped} bytes dropped");
        Assert.True(Stopwatch.GetElapsedTime(started) >= Timing.Reply - TimeSpan.FromMilliseconds(20), "one reply time is waited out");
        Assert.Equal([2], await modbus.ReadAsync(0, 1, Cancel));
    }

    [Fact]
    public async Task A_late_reply_that_comes_with_the_next_answer_is_not_taken_for_it()
    {
        var asked = 0;
        var line = new ScriptedLine(_ => ++asked switch { 1 => null, 2 => [.. Old, .. Reply(2)], _ => Reply(3) });
        await using var modbus = new ModbusLine(line, 1, Timing, TimeProvider.System);
        await Assert.ThrowsAsync<NoReplyException>(() => modbus.ReadAsync(7, 1, Cancel));
        Assert.Equal([2], await modbus.ReadAsync(0, 1, Cancel));
        Assert.Equal([3], await modbus.ReadAsync(0, 1, Cancel));
    }

    [Fact]
    public async Task A_question_that_was_cancelled_leaves_no_answer_to_the_next()
    {
        var asked = 0;
        var line = new ScriptedLine(_ => ++asked == 1 ? null : Reply(2));
        await using var modbus = new ModbusLine(line, 1, Timing, TimeProvider.System);
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var first = modbus.ReadAsync(0, 1, soon.Token);
        await Eventually.Async(() => line.Sent.Count == 1, TimeSpan.FromSeconds(5), "the question is sent");
        await soon.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        line.Say(Old);
        Assert.Equal([2], await modbus.ReadAsync(0, 1, Cancel));
    }

    [Fact]
    public async Task Noise_other_units_and_a_stale_answer_before_the_question_are_dropped()
    {
        byte[] other = ModbusCodec.WithCrc([2, 3, 2, 0, 9]);
        var line = new ScriptedLine(_ => [0x01, 0x03, .. other, 0xFF, .. Reply(7), 0x55]);
        line.Say(Old);
        await using var modbus = new ModbusLine(line, 1, Timing, TimeProvider.System);
        Assert.Equal([7], await modbus.ReadAsync(0, 1, Cancel));
        Assert.Equal([7], await modbus.ReadAsync(0, 1, Cancel));
    }

    [Fact]
    public async Task A_second_copy_of_an_answer_is_waited_for_and_dropped()
    {
        var asked = 0;
        ScriptedLine? line = null;
        line = new ScriptedLine(_ => Reply((byte)++asked));
        await using var modbus = new ModbusLine(line, 1, Timing with { Baud = 300 }, TimeProvider.System);
        Assert.Equal([1], await modbus.ReadAsync(0, 1, Cancel));
        var second = modbus.ReadAsync(0, 1, Cancel);
        // Seven bytes take a quarter of a second at 300 bit/s; the question waits for them.
        line.Say(Old);
        Assert.Equal([2], await second);
    }

    [Fact]
    public async Task A_refusal_is_a_typed_error_that_names_code_and_place()
    {
        var line = new ScriptedLine(_ => ModbusCodec.WithCrc([1, 0x83, 2]));
        await using var modbus = new ModbusLine(line, 1, Timing, TimeProvider.System);
        var refused = await Assert.ThrowsAsync<ModbusRefusedException>(() => modbus.ReadAsync(0x11A9, 2, Cancel));
        Assert.Equal(2, refused.Code);
        Assert.Contains("11A9", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_that_never_falls_silent_is_given_up_in_bounded_time()
    {
        using var babble = new CancellationTokenSource();
        var line = new ScriptedLine(_ => null);
        await using var modbus = new ModbusLine(line, 1, Timing, TimeProvider.System);
        await Assert.ThrowsAsync<NoReplyException>(() => modbus.ReadAsync(0, 1, Cancel));
        var babbling = Task.Run(async () =>
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
            while (!babble.IsCancellationRequested && await timer.WaitForNextTickAsync(CancellationToken.None))
                line.Say([0x55]);
        }, Cancel);
        var error = await Assert.ThrowsAnyAsync<IOException>(() => modbus.ReadAsync(0, 1, Cancel)).WaitAsync(TimeSpan.FromSeconds(5), Cancel);
        await babble.CancelAsync();
        await babbling;
        Assert.NotEmpty(error.Message);
    }

    [Fact]
    public async Task A_broken_line_is_an_error_at_once()
    {
        var line = new ScriptedLine(_ => null);
        await using var modbus = new ModbusLine(line, 1, Timing with { Reply = TimeSpan.FromMinutes(1) }, TimeProvider.System);
        var asked = modbus.ReadAsync(0, 1, Cancel);
        await line.DisposeAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => asked).WaitAsync(TimeSpan.FromSeconds(5), Cancel);
    }

    private static byte[] Reply(byte value) => ModbusCodec.WithCrc([1, 3, 2, 0, value]);
}
