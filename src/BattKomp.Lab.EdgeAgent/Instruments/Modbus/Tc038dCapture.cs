namespace BattKomp.Lab.EdgeAgent.Instruments.Modbus;

/// <summary>Captured frames of an HCP TC038D temperature controller: values are signed 32 bits, high word first, in tenths of a degree.</summary>
public sealed class Tc038dCapture : ModbusCapture
{
    private const int Temperature = 0x0000;
    private const int SetPoint = 0x0106;

    /// <inheritdoc/>
    protected override void Read(ModbusRequest request, Dictionary<string, object?> fields)
    {
        base.Read(request, fields);
        if (request is { Function: ModbusFunction.ReadHolding, Count: 2, Address: Temperature })
            fields["read"] = "2 words @0 (temperature, int32/10)";
        else if (request is { Function: ModbusFunction.ReadHolding, Count: 2, Address: SetPoint })
            fields["read"] = "setpoint @0x0106";
    }

    /// <inheritdoc/>
    protected override void Write(ModbusRequest request, Dictionary<string, object?> fields)
    {
        if (IsSetPoint(request) && request.Data.Length == 4)
            fields["write_setpoint_c"] = Long(request.Words, 0) / 10.0;
        else
            base.Write(request, fields);
    }

    /// <inheritdoc/>
    protected override void Answer(ModbusReply reply, ModbusRequest? asked, Dictionary<string, object?> fields)
    {
        if (asked is { Count: 2, Address: Temperature })
            fields["temperature_c"] = Long(reply.Words, 0) / 10.0;
        else if (asked is { Count: 2, Address: SetPoint })
            fields["setpoint_c"] = Long(reply.Words, 0) / 10.0;
        else
            base.Answer(reply, asked, fields);
    }

    /// <inheritdoc/>
    protected override void Acknowledge(ModbusRequest written, Dictionary<string, object?> fields)
    {
        base.Acknowledge(written, fields);
        if (IsSetPoint(written))
            fields["ack"] = "setpoint";
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Values(ModbusRequest request) =>
        request.Function == ModbusFunction.WriteRegisters && request.Words is { Length: > 0 } words && words.Length % 2 == 0
            ? Enumerable.Range(0, words.Length / 2).Select(k => $"{Long(words, 2 * k)}")
            : base.Values(request);

    private static bool IsSetPoint(ModbusRequest request) => request is { Function: ModbusFunction.WriteRegisters, Address: SetPoint, Count: 2 };

    private static int Long(ushort[] words, int at) => (words[at] << 16) | words[at + 1];
}
