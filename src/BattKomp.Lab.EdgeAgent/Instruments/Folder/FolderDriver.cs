using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Folder;

/// <summary>Testers under their vendor's own program, read through its growing export files.</summary>
public sealed class FolderDriver : InstrumentDriver
{
    /// <inheritdoc/>
    public override string Protocol => FolderChannel.Protocol;

    /// <inheritdoc/>
    public override string Title => "Export folder of a vendor's program (Neware, Arbin, Maccor, BioLogic)";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Monitor;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals => [JournalSignals.SourceRow, "test_time_second", "current_ampere", "voltage_volt"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Texts => ["step_type"];

    /// <inheritdoc/>
    public override DeviceGuard Guard { get; } = new("the vendor's own program and limits in the tester");

    internal override object? ReadSettings(JsonFields channel)
    {
        if (channel.Object("folder") is { } folder)
            return FolderSettings.Read(folder);
        channel.Mistake("folder", "is missing; give at least {\"path\":\"…\",\"zone\":\"Europe/Oslo\"}");
        return null;
    }

    /// <inheritdoc/>
    public override ChannelDriver Channel(ChannelConfig config, AgentServices services) => new FolderChannel(config.Channel, config.Simulated, (FolderSettings)config.Settings!,
        new DeadLetters(Path.Combine(services.DataDir, "dead-letters"), services.Context.Machine), services.Context);
}
