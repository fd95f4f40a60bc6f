using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Riden;

/// <summary>One connection to a Riden supply. Writes 8, 9, 18, 82 and 83 and no other register.</summary>
public sealed class RidenSession : PolledSession, IPoweredSession
{
    private const int First = RidenRegisters.TemperatureSign, Count = RidenRegisters.Output - First + 1;
    private const int Attempts = 3;
    private const double OverVoltMargin = 0.1, OverAmpereMargin = 0.1, MarginShare = 0.05, OffAmpere = 0.02;
    private readonly ModbusLine _modbus;
    private RidenModel? _model;
    private string _identity = "";
    private volatile Held? _held;

    internal RidenSession(SessionSetup setup, ModbusLine modbus)
        : base(setup, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)) => _modbus = modbus;

    /// <inheritdoc/>
    public override string Identity => _identity;

    /// <summary>False: a supply holds its voltage until it is told otherwise.</summary>
    public bool EndsSteps => false;

    /// <inheritdoc/>
    public bool Holds(Step step) => _model is { } model && _held == Of(step, model);

    /// <inheritdoc/>
    public async Task<string?> BeginAsync(Step step, CancellationToken cancel)
    {
        if (_model is not { } model)
            return $"set_refused: the scale of {_identity} is not known";
        if (step.Volt > model.MaxVolt || step.Ampere > model.MaxAmpere)
            return $"set_refused: {step.Volt} V, {step.Ampere} A; the {model.Name} gives at most {model.MaxVolt} V, {model.MaxAmpere} A";
        if (!Whole(step.Volt * model.PerVolt) || !Whole(step.Ampere * model.PerAmpere))
            return $"set_refused: {step.Volt} V, {step.Ampere} A; the {model.Name} has steps of {1.0 / model.PerVolt} V, {1.0 / model.PerAmpere} A";
        if (!await OffAsync(cancel))
            return "output_stays_on: the supply did not confirm output off";
        try
        {
            // The supply's own protections stand before its set point does.
            var over = new Held(Word(step.Volt * (1 + MarginShare) + OverVoltMargin, model.PerVolt), Word(step.Ampere * (1 + MarginShare) + OverAmpereMargin, model.PerAmpere));
            if (!await SetAsync(RidenRegisters.OverVolt, over, cancel))
                return "set_refused: over-voltage and over-current protection read back otherwise than set";
            if (!await SetAsync(RidenRegisters.SetVolt, Of(step, model), cancel))
                return "set_refused: voltage and current read back otherwise than set";
            await _modbus.WriteAsync(RidenRegisters.Output, 1, cancel);
        }
        catch (IOException e) when (e is ModbusRefusedException or NoReplyException)
        {
            return $"set_refused: {e.Message}";
        }
        return await Feed.WaitAsync(r => r.Output == OutputState.On && Holds(step), TimeSpan.FromSeconds(3), cancel) is null ? "set_refused: the supply does not show its output on" : null;
    }

    /// <inheritdoc/>
    public async Task<bool> OffAsync(CancellationToken cancel)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            try
            {
                await _modbus.WriteAsync(RidenRegisters.Output, 0, cancel);
                var now = await _modbus.ReadAsync(RidenRegisters.Volt, RidenRegisters.Output - RidenRegisters.Volt + 1, cancel);
                if (now[RidenRegisters.Output - RidenRegisters.Volt] == 0 && now[RidenRegisters.Ampere - RidenRegisters.Volt] <= OffAmpere * (_model?.PerAmpere ?? 1))
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
    protected override async Task IdentifyAsync(CancellationToken cancel)
    {
        var head = await _modbus.ReadAsync(RidenRegisters.Id, 4, cancel);
        if (head[0] / 1000 != 60)
            throw new IOException($"Unit {_modbus.Unit} answers, but its model number is {head[0]}; a Riden says 60xxx.");
        _model = RidenModel.Of(head[0]);
        _identity = FormattableString.Invariant($"Riden {_model?.Name ?? "of unknown scale"} ({head[0]}) serial {((uint)head[1] << 16) | head[2]:00000000} firmware {head[3] / 100.0:0.00}");
    }

    /// <inheritdoc/>
    protected override async Task<Reading> PollAsync(CancellationToken cancel)
    {
        // A supply of unknown scale is read in the RD6006's, and doubted.
        var model = _model ?? RidenModel.Of(60060)!;
        var r = await _modbus.ReadAsync(First, Count, cancel);
        var charge = await _modbus.ReadAsync(RidenRegisters.MilliampereHour, 2, cancel);
        var on = r[RidenRegisters.Output - First] != 0;
        // With the output off its terminals say nothing of the test object.
        var volt = on ? (double)r[RidenRegisters.Volt - First] / model.PerVolt : double.NaN;
        var ampere = (double)r[RidenRegisters.Ampere - First] / model.PerAmpere;
        var celsius = r[RidenRegisters.Temperature - First] * (r[0] == 0 ? 1.0 : -1.0);
        _held = new Held(r[RidenRegisters.SetVolt - First], r[RidenRegisters.SetAmpere - First]);
        return new Reading([volt, ampere, ((charge[0] << 16) | charge[1]) / 1000.0, celsius], [!on ? "off" : r[RidenRegisters.Regulation - First] == 0 ? "CV" : "CC"])
        {
            Quality = _model is null ? Quality.Suspect : Quality.Good,
            Output = on ? OutputState.On : OutputState.Off,
            Volt = volt,
            Ampere = ampere,
            DeviceAlarm = r[RidenRegisters.Protection - First] switch { 0 => "", 1 => "over-voltage protection", 2 => "over-current protection", var p => $"protection {p}" },
        };
    }

    /// <inheritdoc/>
    protected override ValueTask CloseAsync() => _modbus.DisposeAsync();

    private async Task<bool> SetAsync(int register, Held pair, CancellationToken cancel)
    {
        await _modbus.WriteAsync(register, [pair.Volt, pair.Ampere], cancel);
        var back = await _modbus.ReadAsync(register, 2, cancel);
        return back[0] == pair.Volt && back[1] == pair.Ampere;
    }

    private static bool Whole(double scaled) => Math.Abs(scaled - Math.Round(scaled)) < 1e-6;

    private static ushort Word(double value, int per) => (ushort)Math.Min(ushort.MaxValue, Math.Ceiling(value * per));

    private static Held Of(Step step, RidenModel model) => new((ushort)Math.Round(step.Volt * model.PerVolt), (ushort)Math.Round(step.Ampere * model.PerAmpere));

    private sealed record Held(ushort Volt, ushort Ampere);
}
