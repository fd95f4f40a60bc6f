using System.Buffers;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;

/// <summary>
/// One connection to a DL24 by PX-100: readings are asked for (mV and mA, where the FF55 stream has tenths of a volt), stream frames between are passed over.
/// </summary>
public sealed class DlSession : PolledSession, IPoweredSession
{
    private const int Attempts = 3;
    private const double OffAmpere = 0.02;
    private readonly RequestLine _asks;
    private readonly PxOrder _order;
    private volatile Held? _held;
    private volatile Begun? _begun;

    internal DlSession(SessionSetup setup, PxOrder order)
        : base(setup, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4))
    {
        _order = order;
        _asks = new RequestLine(setup.Line, new RequestTiming(TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(5)) { Baud = setup.Config.Baud }, setup.Machine);
    }

    /// <inheritdoc/>
    public override string Identity => $"Atorch DL24 (PX-100, {_order switch { PxOrder.Standard => "02 is cut-off", PxOrder.Swapped => "03 is cut-off", _ => "order unknown" }})";

    /// <summary>False: the device cuts off by itself, but between two readings an output that went off could be anybody's doing; the agent judges too.</summary>
    public bool EndsSteps => false;

    /// <inheritdoc/>
    public bool Holds(Step step) => _held == Of(step);

    /// <inheritdoc/>
    public async Task<string?> BeginAsync(Step step, CancellationToken cancel)
    {
        if (_order == PxOrder.Unknown)
            return "set_refused: px100_order is not configured";
        if (!await OffAsync(cancel))
            return "output_stays_on: the device did not confirm output off";
        try
        {
            // The time limit counts from the last reset, so the counters go to zero first.
            await OrderAsync(DlCodec.Px(PxCommand.Reset, _order), "reset", cancel);
            await OrderAsync(DlCodec.Px(PxCommand.TimeOut, _order, (int)Math.Ceiling(step.MaxSeconds)), "time limit", cancel);
            await OrderAsync(DlCodec.PxDecimal(PxCommand.CutOff, _order, step.Volt), "cut-off voltage", cancel);
            await OrderAsync(DlCodec.PxDecimal(PxCommand.Current, _order, step.Ampere), "current", cancel);
            // 02 and 03 are swapped between firmwares: what the device took them for is asked before anything is switched on.
            var held = await HeldAsync(cancel);
            if (held != Of(step))
                return $"set_refused: the device holds {held.Centiampere / 100.0} A and {held.Centivolt / 100.0} V, not {step.Ampere} A and {step.Volt} V; is px100_order right?";
            _begun = new Begun(step);
            await OrderAsync(DlCodec.Px(PxCommand.Output, _order, 0x0100), "output on", cancel);
        }
        catch (NoReplyException e)
        {
            return $"set_refused: {e.Message}";
        }
        return await Feed.WaitAsync(r => r.Output == OutputState.On && Holds(step), TimeSpan.FromSeconds(3), cancel) is null ? "set_refused: the device does not show its output on" : null;
    }

    /// <inheritdoc/>
    public async Task<bool> OffAsync(CancellationToken cancel)
    {
        _begun = null;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            await _asks.SendAsync(DlCodec.Px(PxCommand.Output, _order, 0), cancel);
            try
            {
                if (await AskAsync(PxCommand.IsOn, cancel, attempts: 1) == 0 && await AskAsync(PxCommand.Milliampere, cancel, attempts: 1) / 1000.0 <= OffAmpere)
                    return true;
            }
            catch (NoReplyException)
            {
                // Sent again: an order that was lost costs more than one sent twice.
            }
        }
        return false;
    }

    /// <inheritdoc/>
    public Task KeepAliveAsync(TimeSpan intoStep, CancellationToken cancel) => Task.CompletedTask;

    /// <inheritdoc/>
    protected override Task IdentifyAsync(CancellationToken cancel) => AskAsync(PxCommand.IsOn, cancel);

    /// <inheritdoc/>
    protected override async Task<Reading> PollAsync(CancellationToken cancel)
    {
        var begun = _begun;
        _held = await HeldAsync(cancel);
        var volt = await AskAsync(PxCommand.Millivolt, cancel) / 1000.0;
        var milliampere = await AskAsync(PxCommand.Milliampere, cancel);
        var ampere = milliampere == 0 ? 0 : -milliampere / 1000.0;
        var ampereHour = await AskAsync(PxCommand.MilliampereHour, cancel) / 1000.0;
        var wattHour = await AskAsync(PxCommand.MilliwattHour, cancel) / 1000.0;
        var celsius = await AskAsync(PxCommand.Celsius, cancel);
        var on = await AskAsync(PxCommand.IsOn, cancel) != 0;
        return new Reading([volt, ampere, ampereHour, wattHour, celsius], []) { Output = Output(on, volt, begun), Volt = volt, Ampere = ampere };
    }

    /// <inheritdoc/>
    protected override ValueTask CloseAsync() => _asks.DisposeAsync();

    // Off though we switched it on: its own cut-off when the voltage was near it when last seen under load.
    private OutputState Output(bool on, double volt, Begun? begun)
    {
        if (on && begun is not null)
            begun.LastVolt = volt;
        return on ? OutputState.On
            : begun is { } step && step.LastVolt <= step.Step.Volt + Math.Max(0.05, 0.03 * step.Step.Volt) ? OutputState.Finished
            : OutputState.Off;
    }

    private async Task<Held> HeldAsync(CancellationToken cancel) => new(await AskAsync(PxCommand.SetCurrent, cancel), await AskAsync(PxCommand.SetCutOff, cancel));

    private Task OrderAsync(byte[] order, string what, CancellationToken cancel) => AskAsync(order, DlKind.Acknowledged, what, 2, cancel);

    private async Task<int> AskAsync(PxCommand question, CancellationToken cancel, int attempts = 2) =>
        (await AskAsync(DlCodec.Px(question, _order), DlKind.Value, question.ToString(), attempts, cancel)).Value;

    private Task<DlPiece> AskAsync(byte[] request, DlKind wanted, string what, int attempts, CancellationToken cancel)
    {
        bool Take(ref ReadOnlySequence<byte> input, out DlPiece piece)
        {
            while (DlCodec.TryTake(ref input, out piece))
                if (piece.Kind == wanted)
                    return true;
            return false;
        }
        return _asks.AskAsync<DlPiece>(request, Take, $"PX-100 {what}", attempts, cancel);
    }

    private static Held Of(Step step) => new((int)Math.Round(step.Ampere * 100), (int)Math.Round(step.Volt * 100));

    private sealed record Held(int Centiampere, int Centivolt);

    private sealed record Begun(Step Step)
    {
        public double LastVolt { get; set; } = double.PositiveInfinity;
    }
}
