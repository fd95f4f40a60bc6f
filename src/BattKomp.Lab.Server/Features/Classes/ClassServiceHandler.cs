using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Classes;

/// <summary>Registers the slice.</summary>
public static class ClassesFeature
{
    /// <summary>Classes and their handler.</summary>
    public static IServiceCollection AddClasses(this IServiceCollection services) => services.AddSingleton<ClassBlocks>().AddSingleton<ClassServiceHandler>();
}

/// <summary>classes.proto on the wire.</summary>
internal sealed class ClassServiceHandler(ClassBlocks blocks) : ClassService.ClassServiceBase
{
    /// <inheritdoc/>
    public override Task<CreateClassBlockResponse> CreateClassBlock(CreateClassBlockRequest request, ServerCallContext context) => blocks.CreateAsync(context.Person(), request, context.Method, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ClassBlock> GetClassBlock(GetClassBlockRequest request, ServerCallContext context) => blocks.GetAsync(context.Person(), request.Name, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<CreateClassBlockResponse> CopyClassBlock(CopyClassBlockRequest request, ServerCallContext context) => blocks.CopyAsync(context.Person(), request, context.Method, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ClassSeat> JoinClass(JoinClassRequest request, ServerCallContext context) => blocks.JoinAsync(request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ClassPlan> GetClassPlan(GetClassPlanRequest request, ServerCallContext context) => blocks.PlanAsync(request, context.CancellationToken);
}
