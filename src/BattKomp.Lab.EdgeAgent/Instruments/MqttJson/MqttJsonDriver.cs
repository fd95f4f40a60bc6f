using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>Instruments that publish JSON by a declared mapping; the vendor's program in the instrument does the rest.</summary>
public sealed class MqttJsonDriver : InstrumentDriver
{
    /// <inheritdoc/>
    public override string Protocol => MqttChannel.Protocol;

    /// <inheritdoc/>
    public override string Title => "Instrument that publishes JSON over MQTT";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.StartStop;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals => JsonMapping.Default("").Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Texts => ["step_type"];

    /// <inheritdoc/>
    public override DeviceGuard Guard { get; } = new("the vendor's own program and limits in the instrument");

    /// <inheritdoc/>
    public override TimeSpan TimeToSafe => TimeSpan.FromSeconds(10);

    internal override object? ReadSettings(JsonFields channel)
    {
        if (channel.Object("mapping") is { } mapping)
            return JsonMappingReader.Read(mapping);
        channel.Mistake("mapping", "is missing; give at least {\"instrument\":\"…\"}");
        return null;
    }

    /// <inheritdoc/>
    public override ChannelDriver Channel(ChannelConfig config, AgentServices services) => new MqttChannel(config.Channel, config.Simulated, (JsonMapping)config.Settings!,
        services.Mqtt ?? throw new InvalidOperationException("The configuration reader lets no mqtt-json channel pass without a broker."),
        new DeadLetters(Path.Combine(services.DataDir, "dead-letters"), services.Context.Machine), services.Context);
}
